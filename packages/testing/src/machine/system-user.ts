import { readFileSync } from 'node:fs';

export interface SystemUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/**
 * The user for a server that refuses root: `postgres` if it exists, else `nobody`. `undefined` if this process is not root
 * and needs no other user.
 */
export function unprivilegedUser(): SystemUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const user = readUser('postgres') ?? readUser('nobody');
  if (!user) throw new Error("wanted a user 'postgres' or 'nobody' in /etc/passwd to run a server as, found neither");
  return user;
}

function readUser(name: string): SystemUser | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  if (line === undefined) return undefined;
  const [, , uid, gid] = line.split(':');
  return { name, uid: Number(uid), gid: Number(gid) };
}
