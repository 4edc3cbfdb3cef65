import { z } from 'zod';
import { defineSubject } from '../subject.ts';
import { wholeNumber } from '../values/whole-number.ts';

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;

export const runtime = defineSubject({
  title: 'Processes',
  variables: {
    LOG_LEVEL: { schema: z.enum(logLevels).default('info'), description: 'Least severe log lines that are written.' },
    SHUTDOWN_GRACE: {
      schema: wholeNumber('a number of seconds', 0, 86_400).default(60),
      description:
        'Seconds that a running job gets to finish after SIGTERM. Then it is aborted and goes back to its queue.',
    },
  },
  build: (values) => ({ logLevel: values.LOG_LEVEL, shutdownGraceMs: values.SHUTDOWN_GRACE * 1000 }),
});
