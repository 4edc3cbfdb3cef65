import { existsSync } from 'node:fs';
import { assertScratchRoot } from '@pgstow/scratch/assert-scratch-root.ts';
import { assertServerMajor, listServers } from '@pgstow/scratch/choose-scratch-programs.ts';
import { roomFor } from '@pgstow/scratch/scratch-disk.ts';
import { lookAtScratchHost } from '@pgstow/scratch/scratch-host-client.ts';
import type { HostLook } from '@pgstow/scratch/scratch-host-messages.ts';
import prettyBytes from 'pretty-bytes';
import { findingOf, defineCheck, type Finding } from '../check.ts';
import { sourceTimeoutMs, type CheckedSource } from '../facts.ts';

/** Checks what scratch servers need: on this machine, if VERIFY_DIR is there, or at a scratch host. */
export const checkScratch = defineCheck({
  name: 'restore.scratch',
  needs: ['verify', 'postgres'],
  timeoutMs: ({ postgres }) => sourceTimeoutMs(postgres) + 30_000,
  async *run({ verify }, facts) {
    const { ok, skipped, failed } = findingOf('restore.scratch');
    const { folder, hostFolder, schedule, diskBytes } = verify;
    if (schedule.kind === 'off') return;
    if (hostFolder === undefined && !existsSync(folder)) {
      yield skipped(
        `VERIFY_DIR ${folder} is not on this machine: if the verify worker runs elsewhere, it checks its own when it starts`,
      );
      return;
    }
    let host: HostLook;
    try {
      host =
        hostFolder === undefined
          ? await lookHere(folder)
          : await lookAtScratchHost(hostFolder, new AbortController().signal);
      yield ok(hostFolder === undefined ? `scratch servers can live in ${folder}` : 'the scratch host answers');
    } catch (error) {
      yield failed(error);
      return;
    }
    const { major, databaseBytes, extensions } = await facts.source;
    const server = findingOf('restore.server');
    if (major === undefined) {
      yield server.skipped('which PostgreSQL server is needed here is not known: the source did not answer');
      return;
    }
    try {
      assertServerMajor(major, host.majors);
      yield server.ok(`a PostgreSQL server ${major} is there for scratch servers`);
    } catch (error) {
      yield server.failed(error);
    }
    if (verify.rehearseMajor !== undefined) yield judgeRehearsal(verify.rehearseMajor, major, host.majors);
    yield* judgeExtensions(extensions, host.extensions?.[major]);
    const free = Math.min(host.roomBytes, diskBytes ?? Number.POSITIVE_INFINITY);
    const largest = Math.max(0, ...databaseBytes.values());
    const message = `${prettyBytes(free)} may be taken there, and the largest database has ${prettyBytes(largest)}`;
    const room = findingOf('restore.room');
    yield free >= largest
      ? room.ok(message)
      : room.warning(
          `${message}: its restore tests may not be able to tell`,
          'Give VERIFY_DIR more room, or raise VERIFY_DISK_LIMIT.',
        );
  },
});

/** Judges whether an upgrade can be rehearsed. */
function judgeRehearsal(rehearsed: number, source: number, installed: readonly number[]): Finding {
  const { ok, warning, failed } = findingOf('restore.rehearsal');
  if (rehearsed <= source)
    return warning(
      `VERIFY_REHEARSE is ${rehearsed}, and the source is PostgreSQL ${source} already: no upgrade is rehearsed`,
      'Set VERIFY_REHEARSE to a newer major version, or remove it.',
    );
  try {
    assertServerMajor(rehearsed, installed);
    return ok(`the upgrade to PostgreSQL ${rehearsed} is rehearsed with each restore test`);
  } catch (error) {
    // No verdict needs it.
    return { ...failed(error), status: 'warning' };
  }
}

/** @param available extensions of the scratch server; `undefined` where they are not known */
function* judgeExtensions(
  extensions: CheckedSource['extensions'],
  available: readonly string[] | undefined,
): Generator<Finding> {
  if (available === undefined) return;
  for (const [subject, wanted] of extensions) {
    const { ok, fault } = findingOf('restore.extensions', subject);
    const missing = wanted.filter((name) => !available.includes(name));
    if (missing.length > 0)
      yield fault(
        `the scratch server lacks ${missing.join(', ')}: its restore tests cannot tell`,
        'Install the extensions there; in compose, name the image that the database runs in: SCRATCH_IMAGE.',
      );
    else if (wanted.length > 0) yield ok(`there are ${wanted.join(', ')}`);
  }
}

/** Finds out here what a scratch host says of itself. */
async function lookHere(folder: string): Promise<HostLook> {
  await assertScratchRoot(folder);
  return { ...(await listServers()), roomBytes: await roomFor(folder, undefined) };
}
