import { z } from 'zod';
import { siteSchema } from '../../contract/target.ts';
import { defineSubject } from '../subject.ts';

export type RedisConfig = { readonly url: string; readonly site: string };

export const redis = defineSubject({
  title: 'Redis',
  variables: {
    REDIS_URL: {
      schema: z
        .url({ protocol: /^rediss?$/, error: 'expected a URL such as redis://redis:6379' })
        .default('redis://redis:6379'),
      secret: 'url',
      description:
        'Redis with the queues. It must not evict (`maxmemory-policy noeviction`) and should persist (`appendonly yes`).',
    },
    SITE: {
      schema: siteSchema.default('default'),
      description: 'Name of the site: the workers that share one backup folder. Several sites can share one Redis.',
    },
  },
  build: (values): RedisConfig => ({ url: values.REDIS_URL, site: values.SITE }),
});
