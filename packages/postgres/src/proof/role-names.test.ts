import { describe, expect, it } from 'vitest';
import { mayNameRoles, roleNamesIn } from './role-names.ts';

describe('the roles that a statement names', () => {
  it.each([
    ['ALTER TABLE public.t OWNER TO anna;', ['anna']],
    ['ALTER TABLE public.t OWNER TO "Anna OWNER TO ""x""";', ['Anna OWNER TO "x"']],
    ['ALTER TABLE public." OWNER TO x;\n" OWNER TO "y\nz";', ['y\nz']],
    ['ALTER FUNCTION public.f(a integer, "b OWNER TO " text) OWNER TO "r";', ['r']],
    ['ALTER LARGE OBJECT 16404 OWNER TO anna;', ['anna']],
    ['ALTER TABLE ONLY public.t\n    ADD CONSTRAINT t_pkey PRIMARY KEY (id);', []],
    ["ALTER TABLE public.t ALTER COLUMN a SET DEFAULT ' OWNER TO x';", []],
    ['GRANT SELECT ON TABLE public.t TO anna WITH GRANT OPTION;', ['anna']],
    ['GRANT SELECT(a),UPDATE(" TO b") ON TABLE public.t TO "an""na";', ['an"na']],
    ['GRANT ALL ON SCHEMA public TO PUBLIC;', []],
    ['GRANT ALL ON SCHEMA public TO "PUBLIC";', ['PUBLIC']],
    ['GRANT SELECT ON TABLE public.t TO pg_read_all_data;', []],
    ['GRANT SELECT ON TABLE public.t TO GROUP old;', ['old']],
    ['REVOKE ALL ON TABLE public." FROM " FROM anna;', ['anna']],
    ['REVOKE GRANT OPTION FOR SELECT ON TABLE public.t FROM "x y";', ['x y']],
    [
      'ALTER DEFAULT PRIVILEGES FOR ROLE "Anna" IN SCHEMA public GRANT SELECT ON TABLES  TO "B TO c";',
      ['Anna', 'B TO c'],
    ],
    ['ALTER DEFAULT PRIVILEGES FOR ROLE anna REVOKE ALL ON FUNCTIONS  FROM PUBLIC;', ['anna']],
    ['CREATE POLICY p ON public.t USING ((a = 1));', []],
    [
      'CREATE POLICY "p TO x" ON public."t TO y" AS RESTRICTIVE FOR SELECT TO anna, "B, ""c""" USING (true);',
      ['anna', 'B, "c"'],
    ],
    ['CREATE POLICY p ON public.t FOR ALL TO PUBLIC WITH CHECK ((a > 1));', []],
    ['CREATE USER MAPPING FOR "A b" SERVER s OPTIONS (\n    "user" \'x\'\n);', ['A b']],
    ['CREATE USER MAPPING FOR PUBLIC SERVER s;', []],
    ['CREATE USER MAPPING FOR public SERVER s;', []],
    ['CREATE SCHEMA s AUTHORIZATION anna;', ['anna']],
    ['CREATE SCHEMA s;', []],
    ["SET SESSION AUTHORIZATION 'it''s';", ["it's"]],
    ['SET SESSION AUTHORIZATION anna;', ['anna']],
    ['SET SESSION AUTHORIZATION DEFAULT;', []],
    ['ALTER TABLE public.t OWNER TO gr\u00C3\u00B6\u00C3\u009F;', ['gr\u00C3\u00B6\u00C3\u009F']],
  ])('%s', (statement, roles) => {
    expect(roleNamesIn(`${statement}\n`)).toEqual(roles);
    expect(mayNameRoles(statement)).toBe(true);
  });

  it('takes no longer for a name of many quotes', () => {
    expect(roleNamesIn(`ALTER TABLE "${'""'.repeat(30_000)} OWNER TO x;\n`)).toEqual([]);
    expect(roleNamesIn(`GRANT ALL ON TABLE "${'"" TO '.repeat(10_000)}" TO x;\n`)).toEqual(['x']);
  });
});
