import type { Subject, Variable } from '@pgstow/shared/config/subject.ts';

/** docs/configuration.md: every variable of every subject, from the schemas themselves. */
export function formatConfiguration(subjects: readonly Pick<Subject, 'title' | 'variables'>[]): string {
  const seen = new Set<string>();
  return `${[INTRODUCTION, ...subjects.map((subject) => formatSubject(subject, seen))].join('\n\n')}\n`;
}

const INTRODUCTION = `# Configuration

<!-- Written by scripts/write-configuration.ts from packages/shared/src/config; change it there. -->

Everything is read from the environment, once, when a process starts. \`stack.env\` holds it for compose and for the
\`pnpm\` scripts alike; \`stack.env.example\` is one to begin with.

- All faults are reported in one message, and the process exits with code 1. An unknown name that begins with
  \`POSTGRES_\`, \`TARGETS_\`, \`DUMP_\`, \`UPLOAD_\`, \`S3_\`, \`COPY_\`, \`BACKUP_\`, \`AGE_\`, \`VERIFY_\`, \`BOARD_\`, \`HEARTBEAT_\`, \`NOTIFY_\` or \`OTEL_\` is a warning with the
  nearest known name.
- An empty value counts as not set.
- Every variable may be given as \`NAME_FILE\` instead: the path of a file that holds the value, such as a Docker secret
  (\`POSTGRES_PASSWORD_FILE=/run/secrets/postgres_password\`). One line end at the end of the file is not part of it.
- A variable marked *secret* never stands in a log line, a fault, a job or on a page. Of a URL, its password is secret; of
  the URLs under Alarms and Traces, its path and query as well.`;

/** @param seen names that stand under an earlier subject */
function formatSubject({ title, variables }: Pick<Subject, 'title' | 'variables'>, seen: Set<string>): string {
  const rows = Object.entries(variables).flatMap(([name, variable]) => {
    if (seen.has(name)) return [];
    seen.add(name);
    const secret = variable.secret === undefined ? '' : ' *Secret.*';
    return [`| \`${name}\` | ${formatDefault(variable)} | ${cell(variable.description)}${secret} |`];
  });
  return [`## ${title}`, '', '| Variable | Default | What it is |', '|---|---|---|', ...rows].join('\n');
}

function formatDefault({ defaultText, schema }: Variable): string {
  if (defaultText !== undefined) return cell(defaultText);
  const value = schema.safeParse(undefined).data;
  return typeof value === 'string' || typeof value === 'number' ? `\`${cell(`${value}`)}\`` : '';
}

function cell(text: string): string {
  return text.replaceAll('|', String.raw`\|`);
}
