# One small image for each process: scheduler, dump-worker, upload-worker.
#
#   docker build --target dump-worker --build-arg PG_MAJORS="15 17" -t pgstow-dump-worker .
#
# It needs neither BuildKit nor a compiler. TypeScript is run as it lies there, so every image keeps the workspace's layout:
# node strips types from no file below a node_modules folder, but follows pnpm's links out of it.

ARG NODE_IMAGE=node:24-bookworm-slim

# What every process runs on.
FROM ${NODE_IMAGE} AS base
ENV NODE_ENV=production HOME=/home/node
WORKDIR /app
# A new named volume takes over the mode of the folder that it is mounted on: whichever user the containers run as can
# write there. Other users of the host never get past Docker's own folder.
RUN mkdir -m 0777 /backups

# The package files alone: as long as they stay, a change of source installs nothing anew.
FROM base AS workspace
ENV CI=true
RUN npm install --global --no-fund --no-audit --no-update-notifier pnpm@12.21.0
COPY package.json pnpm-lock.yaml pnpm-workspace.yaml ./
COPY packages/catalog/package.json packages/catalog/
COPY packages/postgres/package.json packages/postgres/
COPY packages/shared/package.json packages/shared/
COPY packages/store/package.json packages/store/
COPY apps/dump-worker/package.json apps/dump-worker/
COPY apps/scheduler/package.json apps/scheduler/
COPY apps/upload-worker/package.json apps/upload-worker/
COPY scripts/package.json scripts/
# Fetched once for all. The only optional ones are another node and msgpackr's native part, which it does without.
RUN pnpm install --prod --no-optional --frozen-lockfile --ignore-scripts --filter '@pgstow/scheduler...' --filter '@pgstow/scripts...' \
      --filter '@pgstow/dump-worker...' --filter '@pgstow/upload-worker...' \
 && rm -rf node_modules apps/*/node_modules packages/*/node_modules scripts/node_modules

FROM workspace AS scheduler-modules
RUN pnpm install --offline --prod --no-optional --frozen-lockfile --ignore-scripts \
      --filter '@pgstow/scheduler...' --filter '@pgstow/scripts...' \
 && find . -type f '(' -name '*.map' -o -name '*.d.*ts' ')' -delete

# The plan and the board, and the script that asks for a dump.
FROM base AS scheduler
COPY --from=scheduler-modules /app /app
COPY packages/shared/src packages/shared/src
COPY scripts/enqueue-dump.ts scripts/follow-dumps.ts scripts/show-progress.ts scripts/
COPY apps/scheduler/src apps/scheduler/src
USER node
EXPOSE 3000
# The board is for others to reach once it has a password, and not before.
CMD ["sh", "-c", "if [ -n \"$BOARD_PASSWORD$BOARD_PASSWORD_FILE\" ]; then export BOARD_HOST=\"${BOARD_HOST:-0.0.0.0}\"; fi; exec node apps/scheduler/src/main.ts"]

FROM workspace AS dump-worker-modules
RUN pnpm install --offline --prod --no-optional --frozen-lockfile --ignore-scripts --filter '@pgstow/dump-worker...' \
 && find . -type f '(' -name '*.map' -o -name '*.d.*ts' ')' -delete

# PostgreSQL's client programs and igzip. Of Debian's client package only the programs are taken: the rest is a wrapper in
# Perl, which is several times as large and chooses a version as the dump worker does itself.
FROM base AS dump-worker
ARG PG_MAJORS=15
RUN set -eux; \
    export DEBIAN_FRONTEND=noninteractive; \
    apt-get update; \
    apt-get install -y --no-install-recommends ca-certificates isal pigz; \
    cd /tmp; \
    . /etc/os-release; \
    for major in $PG_MAJORS; do \
      apt-cache show "postgresql-client-$major" >/dev/null 2>&1 && continue; \
      # Debian has no such version: the PostgreSQL project has, and Debian its key.
      apt-get download postgresql-common; \
      dpkg-deb --fsys-tarfile postgresql-common_*.deb | tar -x -C / ./usr/share/postgresql-common/pgdg; \
      echo "deb [signed-by=/usr/share/postgresql-common/pgdg/apt.postgresql.org.asc] https://apt.postgresql.org/pub/repos/apt $VERSION_CODENAME-pgdg main" \
        >/etc/apt/sources.list.d/pgdg.list; \
      apt-get update; \
      break; \
    done; \
    apt-get install -y --no-install-recommends libpq5 libreadline8 libzstd1 liblz4-1; \
    for major in $PG_MAJORS; do \
      apt-get download "postgresql-client-$major"; \
      dpkg-deb --fsys-tarfile "postgresql-client-${major}"_*.deb | tar -x -C / \
        "./usr/lib/postgresql/$major/bin/pg_dump" "./usr/lib/postgresql/$major/bin/psql" \
        "./usr/share/doc/postgresql-client-$major/copyright"; \
      # A library that is missing shows here, and not in the first backup.
      "/usr/lib/postgresql/$major/bin/pg_dump" --version; \
      "/usr/lib/postgresql/$major/bin/psql" --version; \
    done; \
    rm -rf /tmp/*.deb /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/apt /var/log/dpkg.log
COPY --from=dump-worker-modules /app /app
COPY packages/shared/src packages/shared/src
COPY packages/postgres/src packages/postgres/src
COPY packages/catalog/src packages/catalog/src
COPY apps/dump-worker/src apps/dump-worker/src
USER node
CMD ["node", "apps/dump-worker/src/main.ts"]

FROM workspace AS upload-worker-modules
RUN pnpm install --offline --prod --no-optional --frozen-lockfile --ignore-scripts --filter '@pgstow/upload-worker...' \
 && find . -type f '(' -name '*.map' -o -name '*.d.*ts' ')' -delete

# It never connects to a database.
FROM base AS upload-worker
COPY --from=upload-worker-modules /app /app
COPY packages/shared/src packages/shared/src
COPY packages/postgres/src packages/postgres/src
COPY packages/catalog/src packages/catalog/src
COPY packages/store/src packages/store/src
COPY apps/upload-worker/src apps/upload-worker/src
USER node
CMD ["node", "apps/upload-worker/src/main.ts"]
