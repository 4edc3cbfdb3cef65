import type { PostgresServer } from '@pgstow/testing/servers/postgres-server.ts';
import type { RedisServer } from '@pgstow/testing/servers/redis-server.ts';
import type { S3Access } from '@pgstow/testing/servers/s3-client.ts';

export type Environment = Readonly<Record<string, string>>;

/** The bucket of every stage. */
export const BUCKET = 'backups';

type Parts = {
  readonly postgres?: Pick<PostgresServer, 'host' | 'port' | 'user' | 'password'>;
  /** As in POSTGRES_DB. */
  readonly databases?: string;
  readonly redis?: Pick<RedisServer, 'url'>;
  readonly s3?: S3Access;
  readonly prefix?: string;
  readonly folder?: string;
};

/** The environment of a process that works with these servers and this folder. */
export function settingsOf({ postgres, databases, redis, s3, prefix, folder }: Parts): Environment {
  const settings = {
    POSTGRES_HOST: postgres?.host,
    POSTGRES_PORT: postgres?.port.toString(),
    POSTGRES_USER: postgres?.user,
    POSTGRES_PASSWORD: postgres?.password,
    POSTGRES_DB: databases,
    REDIS_URL: redis?.url,
    BACKUP_DIR: folder,
    S3_BUCKET: s3 && BUCKET,
    S3_PREFIX: prefix,
    S3_ENDPOINT: s3?.endpoint,
    S3_REGION: s3?.region,
    AWS_ACCESS_KEY_ID: s3?.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3?.secretAccessKey,
  };
  return Object.fromEntries(Object.entries(settings).flatMap(([name, value]) => (value ? [[name, value]] : [])));
}
