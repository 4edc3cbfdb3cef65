import { hasPostgres } from '@pgstow/testing/machine/capabilities.ts';
import { startPostgres, type PostgresServer } from '@pgstow/testing/servers/postgres-server.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nameDecoder } from './name-decoder.ts';

const decode = (encoding: string, ...bytes: readonly number[]) => nameDecoder(encoding)(Buffer.from(bytes));

describe('a name', () => {
  it('is decoded by its encoding', () => {
    expect(decode('UTF8', 0xc3, 0xb6)).toBe('ö');
    expect(decode('SQL_ASCII', 0xc3, 0xb6)).toBe('ö');
    expect(decode('LATIN1', 0xf6, 0x80)).toBe('ö\u0080');
    expect(decode('LATIN9', 0xa4)).toBe('€');
    expect(decode('WIN1252', 0x80)).toBe('€');
    expect(decode('KOI8R', 0xd1)).toBe('я');
    expect(decode('EUC_JP', 0xc6, 0xfc)).toBe('日');
    expect(decode('UTF8', 0xef, 0xbb, 0xbf, 0x61)).toBe('\ufeffa');
  });

  it('is unknown where its bytes are no text', () => {
    expect(decode('UTF8', 0xf6)).toBeUndefined();
    expect(decode('SQL_ASCII', 0xf6)).toBeUndefined();
    expect(decode('EUC_JP', 0xff)).toBeUndefined();
  });

  it.each(['MULE_INTERNAL', 'EUC_TW', 'SJIS', 'constructor', ''])('is unknown in %j', (encoding) => {
    expect(decode(encoding, 0x61)).toBeUndefined();
  });
});

const SINGLE_BYTE = [
  'LATIN1 LATIN2 LATIN3 LATIN4 LATIN6 LATIN7 LATIN8 LATIN9 LATIN10 ISO_8859_5 ISO_8859_6 ISO_8859_7 ISO_8859_8',
  'KOI8R WIN866 WIN874 WIN1250 WIN1251 WIN1252 WIN1253 WIN1254 WIN1255 WIN1256 WIN1257 WIN1258',
].flatMap((line) => line.split(' '));

describe.skipIf(!hasPostgres())('a real server', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
    await server.psql(
      'postgres',
      `create function decoded(bytes bytea, encoding text) returns text language plpgsql as $$
        begin return encode(convert_to(convert_from(bytes, encoding), 'UTF8'), 'hex');
        exception when others then return null; end $$`,
    );
  });
  afterAll(() => server[Symbol.asyncDispose]());

  it.each(SINGLE_BYTE)('decodes %s alike', async (encoding) => {
    const sql = `select i, decoded(decode(to_hex(i), 'hex'), '${encoding}') from generate_series(128, 255) i`;
    const answers = (await server.psql('postgres', sql)).split('\n').map((row) => row.split('|'));
    // The server takes fewer bytes for text than the platform does.
    const texts = answers.flatMap(([byte, hex = '']) =>
      hex === '' ? [] : [[Number(byte), Buffer.from(hex, 'hex').toString()] as const],
    );
    expect(texts.length).toBeGreaterThan(80);
    expect(texts.map(([byte]) => [byte, decode(encoding, byte)])).toEqual(texts);
  });
});
