import { hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { UNUSUAL_DATABASE } from '@pgstow/testing/schemas/unusual-database.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GREETED } from '../stage/greeted-database.ts';
import { runRestore } from '../stage/restore-stage.ts';
import { startServers, type Servers } from '../stage/start-servers.ts';
import { setVerifyStage, type VerifyStage } from '../stage/verify-stage.ts';

/** The trigger fires for the refresh, which is the last that a restore does. */
const WATCHED = `
create table log (tag text); create materialized view tags as select tag from log;
create function log_tag() returns event_trigger language plpgsql as 'begin insert into public.log values (tg_tag); end';
create event trigger log_tag on ddl_command_end execute function log_tag();
create function make() returns event_trigger language plpgsql as 'begin create table if not exists public.made (); end';
create event trigger make on ddl_command_end when tag in ('REFRESH MATERIALIZED VIEW') execute function make();`;

/** Indexes, views and event triggers run functions after the dump has set its sequences, and columns and checks before. */
const DRAWN = `
create function draw(s text) returns bigint language plpgsql immutable as 'begin return nextval((''public.'' || quote_ident(s))::regclass); end';
create function wind(s text) returns bigint language plpgsql as 'begin return setval((''public.'' || s)::regclass, 5); end';
create function trace() returns int language plpgsql as 'begin insert into public.trace values (1); return 1; end';
create function fire() returns event_trigger language plpgsql as 'begin perform public.draw(''of Event''); end';
create sequence "of Event"; create sequence of_view; create sequence of_index increment -2; create sequence of_default;
create sequence of_generated; create sequence of_check; create sequence of_cycle maxvalue 4 cycle; create sequence of_setval;
create table trace (a int);
create table t (a int, b bigint default draw('of_default'), c bigint generated always as (draw('of_generated')) stored,
  check (draw('of_check') > 0));
insert into t select generate_series(1, 9);
create index on t ((draw('of_index') + a));
create materialized view m as select nextval('of_view'), draw('of_cycle'), wind('of_setval'), trace() from generate_series(1, 3);
select nextval('of_setval');
create event trigger fire on ddl_command_end execute function fire();`;

/** An enum's hash is another one on each server, so rows lie in other partitions after a restore. */
const HASHED = `
create type mood as enum ('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
create table moods (m mood, i int) partition by range (i);
create table early partition of moods for values from (0) to (40) partition by hash (m);
create table late partition of moods for values from (40) to (100);
create table early0 partition of early for values with (modulus 2, remainder 0);
create table early1 partition of early for values with (modulus 2, remainder 1);
create table lists (m mood[]) partition by hash (m);
create table lists0 partition of lists for values with (modulus 2, remainder 0);
create table lists1 partition of lists for values with (modulus 2, remainder 1);
insert into lists select array[m, n] from unnest(enum_range(null::mood)) m, unnest(enum_range(null::mood)) n;
insert into moods select (enum_range(null::mood))[1 + i % 8], i from generate_series(0, 79) i;`;

describe.skipIf(!hasRedis() || !hasPostgres())('a restore test', () => {
  const cleanup = new AsyncDisposableStack();
  let servers: Servers;
  let stage: VerifyStage;

  beforeAll(async () => {
    servers = cleanup.use(
      await startServers({ unusual: UNUSUAL_DATABASE, watched: WATCHED, drawn: DRAWN, hashed: HASHED, greeted: '' }),
    );
    stage = cleanup.use(await setVerifyStage({ ...servers, databases: 'unusual,watched,drawn,hashed,greeted' }));
    await stage.startWorker();
  });
  afterAll(() => cleanup.disposeAsync());

  it('of a database of what PostgreSQL allows and few have is GOOD, and a restore of it equal', async () => {
    const { name } = await stage.dumpAndUpload('unusual');
    expect(await stage.good(name)).toMatchObject({ differences: [], notes: [] });
    const args = ['unusual', '--to', servers.postgres.url('unusual restored'), '--create'];
    const { code, text } = await runRestore(args, { BACKUP_DIR: stage.folder });
    expect({ code, text }).toMatchObject({ code: 0, text: expect.stringContaining('equal to its manifest') });
  });

  it('of a database whose event trigger adds a row while it is restored is GOOD, with a note', async () => {
    const { name } = await stage.dumpAndUpload('watched');
    const { differences, notes } = await stage.good(name);
    expect(differences).toEqual([]);
    expect(notes.join()).toMatch(
      /public.log has \d+ rows?; the dump holds \d: a function that a restore runs may have added to it/,
    );
    expect(notes).toContain('table public.made was not at the source: an event trigger may have made it');
  });

  it('of a database that draws from its sequences while it is restored is GOOD, with notes, and so is a restore', async () => {
    const { name } = await stage.dumpAndUpload('drawn');
    const { differences, notes } = await stage.good(name);
    expect(differences).toEqual([]);
    const drawn = notes.flatMap(
      (note) => /^sequence (.*) goes on with .* a restore draws from it$/.exec(note)?.[1] ?? [],
    );
    expect(drawn.sort()).toEqual([
      'public."of Event"',
      'public.of_cycle',
      'public.of_index',
      'public.of_setval',
      'public.of_view',
    ]);
    expect(notes.join()).toContain('table public.trace has 6 rows; the dump holds 3');
    const args = ['drawn', '--to', servers.postgres.url('drawn restored'), '--create'];
    const { code, text } = await runRestore(args, { BACKUP_DIR: stage.folder });
    expect({ code, text }).toMatchObject({ code: 0, text: expect.stringContaining('a restore draws from it') });
  });

  it('of partitions by the hash of an enum is GOOD, and so is a restore, wherever the rows come to lie', async () => {
    const { name, tables, source } = await stage.dumpAndUpload('hashed');
    expect(tables).toEqual({ 'public.moods': 80, 'public.lists': 64 });
    expect(Object.keys(source?.tables ?? {})).toHaveLength(5);
    expect(await stage.good(name)).toMatchObject({ differences: [], notes: [], rows: 144 });
    const args = ['hashed', '--to', servers.postgres.url('hashed restored'), '--create'];
    const { code, text } = await runRestore(args, { BACKUP_DIR: stage.folder });
    expect({ code, text }).toMatchObject({ code: 0, text: expect.stringContaining('equal to its manifest') });
  });

  it('of a database whose trigger on login keeps everybody out is GOOD', async ({ skip }) => {
    skip(servers.postgres.major < 17, 'this PostgreSQL has no triggers on login');
    await servers.postgres.psql('greeted', GREETED);
    const { name } = await stage.dumpAndUpload('greeted');
    expect(await stage.good(name)).toMatchObject({ differences: [], notes: [] });
  });
});
