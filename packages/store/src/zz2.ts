import { startS3 } from '@pgstow/testing/s3-server.ts';
import { execa } from 'execa';
await using s3 = await startS3({ buckets: ['bucket'] });
for (const [fl, ...a] of [['--semi-space-growth-factor=1','x4.gz','',8,2], ['--max-semi-space-size=1','x.gz','',8,2],['--max-semi-space-size=1','x4.gz','',8,2],['--max-semi-space-size=1','x4.gz','',5,2],['--max-semi-space-size=2','x4.gz','',5,2],['--expose-gc --semi-space-growth-factor=1','x4.gz','',8,2]] as any[]) { a[0] = '/tmp/pgb/'+a[0]; const r = await execa('node', [...fl.split(' '), 'packages/store/src/zz.ts', ...a.map(String)], { env: { S3E: s3.endpoint }, reject: false, timeout: 60000 }); console.log(fl, a.join(' '), r.stdout.replaceAll('\n', ' '), r.stderr.slice(0,300)); }
