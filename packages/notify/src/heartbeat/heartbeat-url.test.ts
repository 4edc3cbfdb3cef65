import { describe, expect, it } from 'vitest';
import { pingUrl } from './heartbeat-url.ts';
import { runIdOf } from './run-id.ts';

const UUID = '0d338dcc-a054-81ec-b909-0242ac120002';

describe('the URL of a ping', () => {
  it('is the check’s, with the step after its path and the run’s id', () => {
    const at = (template: string, ping: 'start' | 'success' | 'fail') =>
      pingUrl(template, { database: 'my db/ä' }, ping, UUID).href;
    expect(at('https://hc-ping.com/uuid', 'success')).toBe(`https://hc-ping.com/uuid?rid=${UUID}`);
    expect(at('https://hc-ping.com/uuid/', 'start')).toBe(`https://hc-ping.com/uuid/start?rid=${UUID}`);
    expect(at('https://hc-ping.com/key/{database}-x?create=1', 'fail')).toBe(
      `https://hc-ping.com/key/my%20db%2F%C3%A4-x/fail?create=1&rid=${UUID}`,
    );
    expect(at('http://h/ping?check={database}&rid=mine', 'success')).toBe(
      `http://h/ping?check=my+db%2F%C3%A4&rid=${UUID}`,
    );
  });

  it('names the server, and default for that of stack.env', () => {
    const at = (server?: string) =>
      pingUrl('http://h/{server}-{database}', { server, database: 'shop' }, 'success', UUID).pathname;
    expect([at('prod'), at()]).toEqual(['/prod-shop', '/default-shop']);
  });
});

describe('the id of a run', () => {
  it('is a UUID, the same wherever it is made', () => {
    const id = runIdOf('backup_shop_20261126_030000.sql.gz');
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(runIdOf('backup_shop_20261126_030000.sql.gz')).toBe(id);
    expect(runIdOf('backup_shop_20261126_030001.sql.gz')).not.toBe(id);
  });
});
