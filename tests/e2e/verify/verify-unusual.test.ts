import { hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { UNUSUAL_DATABASE } from '@pgstow/testing/schemas/unusual-database.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runRestore } from '../stage/restore-stage.ts';
import { startServers, type Servers } from '../stage/start-servers.ts';
import { setVerifyStage, type VerifyStage } from '../stage/verify-stage.ts';

/** The trigger fires for the refresh, which is the last that a restore does. */
const WATCHED = `
create table log (tag text); create materialized view tags as select tag from log;
create function log_tag() returns event_trigger language plpgsql as 'begin insert into public.log values (tg_tag); end';
create event trigger log_tag on ddl_command_end execute function log_tag();`;

/** The source lets everybody in. */
const GREETED = `
create table logins (who text);
create function greet() returns event_trigger security definer language plpgsql as $$ begin
  if current_database() <> 'greeted' then raise exception 'nobody gets in here'; end if;
  insert into public.logins values (session_user);
end $$;
create event trigger greet on login execute function greet();
alter event trigger greet enable always;`;

describe.skipIf(!hasRedis() || !hasPostgres())('a restore test', () => {
  const cleanup = new AsyncDisposableStack();
  let servers: Servers;
  let stage: VerifyStage;

  beforeAll(async () => {
    servers = cleanup.use(await startServers({ unusual: UNUSUAL_DATABASE, watched: WATCHED, greeted: '' }));
    stage = cleanup.use(await setVerifyStage({ ...servers, databases: 'unusual,watched,greeted' }));
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
    expect(notes.join()).toMatch(/public.log has 1 row; the dump holds 0: an event trigger may have added to it/);
  });

  it('of a database whose trigger on login keeps everybody out is GOOD', async ({ skip }) => {
    skip(servers.postgres.major < 17, 'this PostgreSQL has no triggers on login');
    await servers.postgres.psql('greeted', GREETED);
    const { name } = await stage.dumpAndUpload('greeted');
    expect(await stage.good(name)).toMatchObject({ differences: [], notes: [] });
  });
});
