import { z } from 'zod';
import { defineSubject } from './subject.ts';
import { wholeNumber } from './whole-number.ts';

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
