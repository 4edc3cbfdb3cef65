import { describe, expect, it } from 'vitest';
import { ConfigError, readConfig } from '../read-config.ts';
import { encryption } from './encryption.ts';

const KEY = 'age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z';
const OTHER = 'age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg';
const SSH = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN';
const SECRET = 'AGE-SECRET-KEY-184JMZMVQH3E6U0PSL869004Y3U2NYV7R30EU99CSEDNPH02YUVFSZW44VU';

function read(env: Record<string, string>) {
  return readConfig(env, { encryption }, [encryption]).config.encryption;
}

function faultOf(env: Record<string, string>): string {
  try {
    read(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
  }
  throw new Error('no fault');
}

describe('AGE_RECIPIENTS', () => {
  it('is not needed', () => {
    expect(read({})).toEqual({ recipients: [], identityFile: undefined, sealsManifests: false });
  });

  it.each([`${KEY},${OTHER}`, `${KEY} ${OTHER}`, ` ${KEY}\n\n${OTHER}\n`, `# mine\n${KEY} # laptop\n${OTHER},${KEY}`])(
    'may hold several keys: %j',
    (text) => {
      expect(read({ AGE_RECIPIENTS: text }).recipients).toEqual([KEY, OTHER]);
    },
  );

  it('takes SSH keys as their files hold them, without the comment', () => {
    expect(read({ AGE_RECIPIENTS: `${SSH} me@laptop, my laptop\n`.replace(', ', ' ') }).recipients).toEqual([SSH]);
    expect(read({ AGE_RECIPIENTS: `${SSH} ${KEY} ${SSH} me@laptop ${OTHER}` }).recipients).toEqual([SSH, KEY, OTHER]);
  });

  it('takes the key of a plugin, whose program must be there', () => {
    const plugin = 'age1yubikey1qg8epjfnwcmmzx5jk8lpgezw3y4a25q3pdv56tyqpqwxhpyf7yxzsu5cm8q';
    expect(faultOf({ AGE_RECIPIENTS: plugin })).toContain('not whole');
  });

  it.each([
    ['agf1abc', 'number 1 (agf1abc) is no public key'],
    [`${KEY} me@example.com`, 'number 2 (me@examp…) is no public key'],
    [`${KEY.slice(0, -1)}q`, 'number 1 (age1lvyv…) looks like a key of age, and is not whole'],
    [KEY.slice(0, -3), 'is not whole'],
    [KEY.toUpperCase(), 'is not whole'],
    [`${KEY},ssh-ed25519`, 'number 2 is an SSH key whose second part is missing'],
    ['ssh-ed25519 age1abc', 'number 1 is an SSH key whose second part is missing or damaged'],
    [`${SSH} age1abc`, 'number 2 (age1abc) looks like a key of age'],
    ['ecdsa-sha2-nistp256 AAAA', 'of a kind that age does not know'],
    ['# nothing', 'holds no key'],
  ])('refuses %j: %s', (text, fault) => {
    expect(faultOf({ AGE_RECIPIENTS: text })).toContain(fault);
  });

  it.each([SECRET, SECRET.toLowerCase(), `${KEY},${SECRET}`, `-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1r`])(
    'refuses a secret key, and shows nothing of it',
    (text) => {
      const fault = faultOf({ AGE_RECIPIENTS: text });
      expect(fault.toUpperCase()).not.toMatch(/184JMZM|B3BLBNNZAC1R/);
      expect(fault).toMatch(/is a secret key \(an identity\)|holds an SSH private key/);
    },
  );
});

it('AGE_IDENTITY_FILE is a path, and a key in its place is not shown', () => {
  expect(read({ AGE_IDENTITY_FILE: '/k' }).identityFile).toBe('/k');
  expect(faultOf({ AGE_IDENTITY_FILE: 'k' })).toContain('expected an absolute path');
  const fault = faultOf({ AGE_IDENTITY_FILE: SECRET });
  expect(fault).toContain('holds a secret key');
  expect(fault).not.toContain('184JMZM');
});

it('AGE_MANIFESTS=encrypted needs a key to encrypt them to', () => {
  expect(faultOf({ AGE_MANIFESTS: 'encrypted' })).toContain('AGE_MANIFESTS: needs AGE_RECIPIENTS');
  expect(read({ AGE_MANIFESTS: 'encrypted', AGE_RECIPIENTS: KEY }).sealsManifests).toBe(true);
});
