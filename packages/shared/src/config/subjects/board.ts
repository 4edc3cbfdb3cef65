import { z } from 'zod';
import { defineSubject, type Built } from '../subject.ts';
import { wholeNumber } from '../values/whole-number.ts';

/** A path without anything to encode, so that browser, proxy and board read it alike. */
const PLAIN_PATH = /^(?:\/[\w.~-]+)*\/?$/;

export const board = defineSubject({
  title: 'Board',
  variables: {
    BOARD_HOST: {
      schema: z.string().default('127.0.0.1'),
      description: 'Address that the scheduler listens on. Any but a loopback address needs `BOARD_PASSWORD`.',
    },
    BOARD_PORT: {
      schema: wholeNumber('a port', 0, 65_535).default(3000),
      description: 'Port that the scheduler listens on; 0 takes any free one.',
    },
    BOARD_USER: {
      schema: z
        .string()
        .regex(/^[^:]+$/, 'expected a user name without a colon')
        .default('admin'),
      description: 'User name for the board.',
    },
    BOARD_PASSWORD: {
      schema: z.string().min(8, 'expected a password of at least 8 characters').optional(),
      secret: true,
      description: 'Password for the board. Without one the board stays closed.',
    },
    BOARD_URL: {
      schema: z
        .url({ protocol: /^https?$/, error: 'expected a URL such as https://ops.example.com/pgstow' })
        .optional(),
      description:
        'Whole address, with its path, at which browsers find the status page behind a [proxy](reverse-proxy.md).',
    },
  },
  build(values, report) {
    const loopback = /^(?:127(?:\.\d+){3}|::1|localhost)$/.test(values.BOARD_HOST);
    if (!loopback && values.BOARD_PASSWORD === undefined) {
      report('BOARD_PASSWORD', `is required because BOARD_HOST is ${values.BOARD_HOST}, which others can reach`);
    }
    const url = values.BOARD_URL === undefined ? undefined : new URL(values.BOARD_URL);
    if (url !== undefined && (url.username !== '' || url.password !== ''))
      report('BOARD_URL', 'holds a user name or a password; give BOARD_USER and BOARD_PASSWORD instead');
    if (url !== undefined && (url.search !== '' || url.hash !== '' || !PLAIN_PATH.test(url.pathname)))
      report('BOARD_URL', 'expected a scheme, a host and a plain path, such as https://ops.example.com/pgstow');
    return {
      host: values.BOARD_HOST,
      port: values.BOARD_PORT,
      user: values.BOARD_USER,
      /** `undefined`: the board stays closed. */
      password: values.BOARD_PASSWORD,
      /** The board's address for people who reach it through a proxy: the origin, and a path without a slash at its end. */
      publicAddress: url && { origin: url.origin, path: url.pathname.replace(/\/$/, '') },
    };
  },
});

export type BoardConfig = Built<typeof board>;
