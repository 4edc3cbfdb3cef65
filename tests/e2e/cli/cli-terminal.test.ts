import { eventually } from '@pgstow/testing/eventually.ts';
import { hasPostgres } from '@pgstow/testing/machine/capabilities.ts';
import { tempFolder, type TempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { hasTerminal, startOnTerminal } from '@pgstow/testing/processes/terminal.ts';
import { startPostgres, type PostgresServer } from '@pgstow/testing/servers/postgres-server.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLI } from '../stage/processes/run-cli.ts';
import { contentsOf, makeBackup, runRestore } from '../stage/restore-stage.ts';
import { settingsOf } from '../stage/settings-of.ts';

let targets = 0;
/** A new name for each restored database. */
const newTarget = (name: string): string => `${name}_${(targets += 1)}`;

/** The server needs at least a millisecond for each. */
const ROWS = 2500;

describe.skipIf(!hasPostgres())('what pgstow restore shows on the way', { concurrent: true }, () => {
  let postgres: PostgresServer;
  let folder: TempFolder;
  let env: Readonly<Record<string, string>>;
  let sqlBytes: number;

  beforeAll(async () => {
    [postgres, folder] = await Promise.all([startPostgres(), tempFolder()]);
    env = settingsOf({ postgres, databases: 'shop', folder: folder.path });
    await postgres.createDatabase('shop');
    // Rows of 10 kB: data in the kernel's buffers already count as done.
    await postgres.psql(
      'shop',
      `create table slow as select i, repeat(md5(i::text), 320) as t from generate_series(1, ${ROWS}) i`,
    );
    const change = (sql: string) => sql.replace('i integer', 'i integer CHECK (pg_sleep(0.001) IS NOT NULL)');
    const more = { roles: [], tables: { 'public.slow': ROWS } };
    ({
      manifest: { sqlBytes },
    } = await makeBackup(postgres, 'shop', folder.path, { change, more }));
  });
  afterAll(async () => {
    await folder[Symbol.asyncDispose]();
    await postgres[Symbol.asyncDispose]();
  });

  const restoreOnTerminal = (columns: number, to: string, ...options: readonly string[]) =>
    startOnTerminal({
      command: process.execPath,
      args: [CLI, 'restore', 'shop', '--to', to, ...options],
      env,
      columns,
    });

  describe.skipIf(!hasTerminal())('on a terminal', { concurrent: true }, () => {
    test('is a bar with the percentage, the rate and the time left, which ends at 100 %', async () => {
      const target = newTarget('wide');
      await using child = await restoreOnTerminal(100, target, '--create');
      expect(await child.waitForExit()).toMatchObject({ code: 0 });
      const frames = framesOf(child.lines.map(({ text }) => text));
      expect(frames).toEqual(expect.arrayContaining([expect.stringMatching(/^wide_\d =+ 100 % checked$/)]));
      const wanted =
        /^wide_\d [=-]{24} (?<percent>\d+) % restoring: (?<done>[\d.]+) MB of (?<total>[\d.]+) MB, (?<rate>[\d.]+) MB\/s, (?<left>\d+)s left$/;
      const shown = frames.flatMap((frame) => {
        const { percent, done, total, rate, left } = wanted.exec(frame)?.groups ?? {};
        return percent === undefined
          ? []
          : [{ percent: +percent, done: Number(done), total: Number(total), rate: Number(rate), left: Number(left) }];
      });
      expect(shown.length).toBeGreaterThanOrEqual(3);
      let before = 0;
      for (const { percent, done, total, rate, left } of shown) {
        expect(percent).toBeGreaterThanOrEqual(before);
        before = percent;
        expect(total).toBeCloseTo(sqlBytes / 1e6, 0);
        // The numbers are rounded, and the bar may be a moment older than the words beside it.
        expect(Math.abs(percent - (100 * done) / total)).toBeLessThan(5);
        expect(Math.abs(left - (total - done) / rate)).toBeLessThan(2);
      }
      const last = frames.findLast((frame) => frame.startsWith(`${target} `));
      expect(last).toMatch(/^wide_\d ={24} 100 % restored 25\.\d MB of SQL in [\d.]+s$/);
    });

    test('is cut where the terminal is narrow, and wraps nowhere', async () => {
      await using child = await restoreOnTerminal(40, 'narrow', '--create');
      expect(await child.waitForExit()).toMatchObject({ code: 0 });
      const bars = framesOf(child.lines.map(({ text }) => text)).filter((frame) => /^narrow .*%/.test(frame));
      expect(bars).toEqual(
        expect.arrayContaining([expect.stringMatching(/^narrow +\d+ % restoring: [\d.]+ MB of 25/)]),
      );
      expect(Math.max(...bars.map(({ length }) => length))).toBeLessThanOrEqual(40);
      // One line for each of the two bars, which are redrawn in place.
      const drawn = child.lines.filter(({ text }) => text.includes(ESC)).map(({ text }) => framesOf([text]));
      expect(drawn).toHaveLength(2);
    });

    test('ends with Ctrl-C, which leaves target and terminal as they were', async () => {
      await postgres.createDatabase('kept');
      await postgres.psql('kept', 'create table kept as select i from generate_series(1, 100) i');
      const before = await contentsOf(postgres, 'kept');
      await using child = await restoreOnTerminal(80, 'kept', '--force');
      await eventually(() => /\d % restoring: .* left/.test(child.tail));
      child.type('\u0003');
      expect(await child.waitForExit()).toMatchObject({ code: 130 });
      const written = child.lines.map(({ text }) => text).join('\n');
      expect(written.trimEnd()).toMatch(/\npgstow: interrupted$/);
      // It sets no mode of the terminal: no hidden cursor, no switched-off wrapping, no second screen.
      expect(written).not.toMatch(new RegExp(String.raw`${ESC}\[\?\d+[hl]`));
      expect(await contentsOf(postgres, 'kept')).toEqual(before);
      const theirs = "select count(*) from pg_stat_activity where datname = 'kept' and pid <> pg_backend_pid()";
      await eventually(async () => (await postgres.psql('kept', theirs)) === '0');
    });
  });

  test('is a line for each step where there is no terminal, and nothing that only a terminal understands', async () => {
    const { code, text } = await runRestore(['shop', '--to', 'plain\u001b[2J', '--create'], env);
    expect({ code, text }).toMatchObject({ code: 0 });
    const name = String.raw`"plain\\u001b\[2J"`;
    for (const step of ['checking', 'checked', 'restoring', String.raw`restored 25\.\d MB of SQL in [\d.]+s`])
      expect(text).toMatch(new RegExp(`^${name}: ${step}$`, 'm'));
    // oxlint-disable-next-line no-control-regex -- they are what must not be there
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f]/);
  });
});

const ESC = '\u001b';

/** The successive contents of the terminal's line, without the codes that move the cursor. */
function framesOf(lines: readonly string[]): readonly string[] {
  return lines.flatMap((line) =>
    line
      .split(`${ESC}[1G`)
      .map((frame) => frame.replaceAll(new RegExp(String.raw`${ESC}(?:\[[?\d;]*[A-Za-z]|[78])|\r`, 'g'), ''))
      .filter((frame) => frame !== ''),
  );
}
