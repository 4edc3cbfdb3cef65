import { z } from 'zod';
import { defineSubject } from './subject.ts';

export type BoardConfig = {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** `undefined`: the board stays closed. */
  readonly password: string | undefined;
};

export const board = defineSubject({
  title: 'Board',
  variables: {
    BOARD_HOST: {
      schema: z.string().default('127.0.0.1'),
      description: 'Address that the scheduler listens on. One that is not loopback needs a password.',
    },
    BOARD_PORT: {
      schema: z.coerce
        .number('a port number')
        .int('a port is a whole number')
        .min(0, 'a port is at least 0')
        .max(65_535, 'a port is at most 65535')
        .default(3000),
      description: 'Port that the scheduler listens on; 0 takes any free one.',
    },
    BOARD_USER: {
      schema: z
        .string()
        .regex(/^[^:]+$/, 'a user name without a colon')
        .default('admin'),
      description: 'User name for the board.',
    },
    BOARD_PASSWORD: {
      schema: z.string().min(8, 'a password has at least 8 characters').optional(),
      secret: true,
      description: 'Password for the board. Without one the board stays closed.',
    },
  },
  build(values, report): BoardConfig {
    const loopback = /^(?:127(?:\.\d+){3}|::1|localhost)$/.test(values.BOARD_HOST);
    if (!loopback && values.BOARD_PASSWORD === undefined) {
      report('BOARD_PASSWORD', `is required because BOARD_HOST is ${values.BOARD_HOST}, which others can reach`);
    }
    return {
      host: values.BOARD_HOST,
      port: values.BOARD_PORT,
      user: values.BOARD_USER,
      password: values.BOARD_PASSWORD,
    };
  },
});
