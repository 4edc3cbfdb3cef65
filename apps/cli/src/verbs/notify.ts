import { describeTest } from '@pgstow/notify/alarms/alarm-notification.ts';
import { notify } from '@pgstow/notify/channels/notify.ts';
import { readConfig } from '@pgstow/shared/config/read-config.ts';
import { subjects } from '@pgstow/shared/config/subjects.ts';
import { createRedact } from '@pgstow/shared/runtime/log/redact.ts';
import type { Command } from 'commander';
import { failure, misuse } from '../exit-codes.ts';
import { interruptible } from '../interruptible.ts';

const EXAMPLES = `
Each URL of NOTIFY_URLS gets a test message, and a line here says whether the service took it.
A message that is not taken is tried twice more; a URL that does not answer takes half a minute.

Exit code: 0 if all services took it, 1 if one did not, 2 if NOTIFY_URLS is empty.`;

/** `pgstow notify`: tries NOTIFY_URLS. */
export function addNotify(pgstow: Command): void {
  pgstow
    .command('notify')
    .description('send a test message to each URL of NOTIFY_URLS')
    .requiredOption('--test', 'needed: notify sends nothing but tests')
    .addHelpText('after', EXAMPLES)
    .action(() => interruptible(sendTest));
}

async function sendTest(signal: AbortSignal): Promise<void> {
  const { alarms, redis } = subjects;
  const { config, secrets } = readConfig(process.env, { alarms, redis }, Object.values(subjects));
  const { endpoints } = config.alarms;
  if (endpoints.length === 0)
    throw misuse('NOTIFY_URLS is not set: no alarm is sent to anybody', 'See docs/alarms.md.');
  const redact = createRedact(secrets);
  const deliveries = await notify(endpoints, describeTest(config.redis.site, new Date()), signal);
  signal.throwIfAborted();
  for (const { name, fault } of deliveries)
    console.log(redact(fault === undefined ? `taken      ${name}` : `NOT TAKEN  ${name}: ${fault}`));
  const failed = deliveries.filter(({ fault }) => fault !== undefined).length;
  if (failed > 0) throw failure(`${failed} of ${deliveries.length} did not take it`);
}
