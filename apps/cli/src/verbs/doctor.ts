import { readFound } from '@pgstow/catalog/folder/read-targets.ts';
import { targetsOf } from '@pgstow/shared/config/targets-of.ts';
import { EVERY_DATABASE, UNNAMED_SERVER, formatTarget } from '@pgstow/shared/contract/target.ts';
import { createRedact } from '@pgstow/shared/runtime/log/redact.ts';
import type { Command } from 'commander';
import { checkConfiguration } from '../doctor/check-configuration.ts';
import { checkTargets } from '../doctor/check-targets.ts';
import type { Check, Finding, Settings } from '../doctor/check.ts';
import { createFacts } from '../doctor/facts.ts';
import { checkEncryption } from '../doctor/folder/check-encryption.ts';
import { checkFolder } from '../doctor/folder/check-folder.ts';
import { checkRetention } from '../doctor/folder/check-retention.ts';
import { checkRoom } from '../doctor/folder/check-room.ts';
import { countFindings, formatFindings } from '../doctor/format-findings.ts';
import { checkOwnChecks } from '../doctor/plan/check-own-checks.ts';
import { checkQueues } from '../doctor/plan/check-queues.ts';
import { checkRestoreTests } from '../doctor/plan/check-restore-tests.ts';
import { checkSchedule } from '../doctor/plan/check-schedule.ts';
import { checkPostgres } from '../doctor/postgres/check-postgres.ts';
import { checkSource } from '../doctor/postgres/check-source.ts';
import { runCheck } from '../doctor/run-check.ts';
import { checkBoard } from '../doctor/services/check-board.ts';
import { checkCopies } from '../doctor/services/check-copies.ts';
import { checkRedis } from '../doctor/services/check-redis.ts';
import { checkS3 } from '../doctor/services/check-s3.ts';
import { checkScratch } from '../doctor/services/check-scratch.ts';
import { checkShared } from '../doctor/services/check-shared.ts';
import { failure, misuse } from '../exit-codes.ts';
import { withoutSecrets } from '../format/keep-secrets.ts';
import { interruptible } from '../interruptible.ts';
import { serverOption } from '../servers/choose-servers.ts';
import { inServer } from '../servers/current-server.ts';

const EXAMPLES = `
It reads the catalogs of each database and lets pg_dump write the schema to
nowhere. It writes a small file to the backup folder and removes it. It puts a
small object into the bucket, which stays there if the access key may not delete.
Run it where the workers run, and as their user.

Exit code: 0 without a fault, whatever the warnings; else 1.

Examples:
  pgstow doctor
  pgstow doctor --json | jq '.findings[] | select(.status == "fault")'`;

/** The checks, in the order in which findings of a group are shown. */
const CHECKS: readonly Check[] = [
  checkPostgres,
  checkSource,
  checkFolder,
  checkRoom,
  checkEncryption,
  checkSchedule,
  checkRetention,
  checkS3,
  checkCopies,
  checkShared,
  checkRedis,
  checkQueues,
  checkScratch,
  checkOwnChecks,
  checkRestoreTests,
  checkBoard,
];

/** The checks of what each server has for itself. */
const PER_SERVER: readonly Check[] = [
  checkPostgres,
  checkSource,
  checkFolder,
  checkRoom,
  checkSchedule,
  checkRetention,
  checkS3,
  checkOwnChecks,
  checkRestoreTests,
];

type DoctorOptions = { readonly server?: string; readonly json?: true };

/** `pgstow doctor`: checks all that backups depend on, and says how to mend what is wrong. */
export function addDoctor(pgstow: Command): void {
  pgstow
    .command('doctor')
    .description('check everything that backups depend on, and say how to mend what is wrong')
    .addOption(serverOption())
    .option('--json', 'print JSON (docs/command-line.md)')
    .addHelpText('after', EXAMPLES)
    .action((options: DoctorOptions) => interruptible((signal) => examine(options, signal)));
}

async function examine({ json, server }: DoctorOptions, signal: AbortSignal): Promise<void> {
  const { settings, findings: configured, secrets } = checkConfiguration(process.env);
  const { servers, findings: ofFile } = checkTargets();
  const isWhole = server === undefined || server === UNNAMED_SERVER;
  const others = servers.filter(({ name }) => server === undefined || server === name);
  if (!isWhole && others.length === 0 && ofFile.every(({ status }) => status !== 'fault'))
    throw misuse(
      `there is no server ${server}`,
      `There are ${[UNNAMED_SERVER, ...servers.map(({ name }) => name)].join(', ')}.`,
    );
  const isUnnamedInUse = servers.length === 0 || settings.postgres?.host !== '';
  const ofSite = isUnnamedInUse ? CHECKS : CHECKS.filter((check) => !PER_SERVER.includes(check));
  const found = [...configured, ...ofFile, ...(isWhole ? await runAll(ofSite, settings, signal) : [])];
  for (const { name, config } of others) {
    const theirs = await inServer(name, () => runAll(PER_SERVER, { ...settings, ...config }, signal));
    found.push(...theirs.map((finding) => ({ ...finding, subject: formatSubject(name, finding.subject) })));
  }
  const redact = createRedact(secrets);
  const findings = found.map((finding): Finding => ({
    ...finding,
    message: withoutSecrets(redact(finding.message)),
    hint: finding.hint === undefined ? undefined : withoutSecrets(redact(finding.hint)),
  }));
  console.log(json === true ? toJson(findings) : formatFindings(findings, process.stdout.isTTY));

  const names = new Set(findings.filter(({ status }) => status === 'fault').map(({ check }) => check));
  if (names.size > 0) throw failure(`found faults: ${[...names].join(', ')}`);
}

function formatSubject(server: string, subject: string | undefined): string {
  return subject === undefined ? server : formatTarget({ server, database: subject });
}

async function runAll(checks: readonly Check[], read: Settings, signal: AbortSignal): Promise<readonly Finding[]> {
  const settings = withFound(read);
  const facts = createFacts(new Date());
  const made = checks.map((check) => {
    const findings = runCheck(check, settings, facts, signal);
    // Other checks wait for what this one learns, but no longer than it runs.
    return check === checkPostgres
      ? findings.finally(() =>
          facts.setSource({ databaseBytes: new Map(), extensions: new Map(), identities: new Map() }),
        )
      : findings;
  });
  // Without that check, nothing is learnt.
  if (!checks.includes(checkPostgres))
    facts.setSource({ databaseBytes: new Map(), extensions: new Map(), identities: new Map() });
  return (await Promise.all(made)).flat();
}

/** The checks look at the databases that the last look at the server has found, as if they were named. */
function withFound(settings: Settings): Settings {
  const { postgres, backup } = settings;
  if (postgres === undefined || backup === undefined || postgres.patterns.length === 0) return settings;
  try {
    const found = readFound(backup.folder, postgres);
    const databases = targetsOf({ ...postgres, globals: 'off' }, found).filter((target) => target !== EVERY_DATABASE);
    return { ...settings, postgres: { ...postgres, databases } };
  } catch {
    // The check of the folder says why.
    return settings;
  }
}

/** Documented in docs/command-line.md: fields are added, never changed. */
function toJson(findings: readonly Finding[]): string {
  const shown = findings.map(({ check, subject, status, message, hint }) => {
    return { check, subject: subject ?? null, status, message, hint: hint ?? null };
  });
  const counts = countFindings(findings);
  return JSON.stringify({ isWell: counts.fault === 0, counts, findings: shown }, undefined, 2);
}
