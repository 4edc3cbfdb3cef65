# One small image for each process: scheduler, dump-worker, upload-worker, verify-worker, scratch-host; cli, the command line;
# demo-s3, the demo's store.
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
COPY packages/backups/package.json packages/backups/
COPY packages/catalog/package.json packages/catalog/
COPY packages/notify/package.json packages/notify/
COPY packages/postgres/package.json packages/postgres/
COPY packages/s3-server/package.json packages/s3-server/
COPY packages/scratch/package.json packages/scratch/
COPY packages/shared/package.json packages/shared/
COPY packages/store/package.json packages/store/
COPY apps/cli/package.json apps/cli/
COPY apps/dump-worker/package.json apps/dump-worker/
COPY apps/scheduler/package.json apps/scheduler/
COPY apps/scratch-host/package.json apps/scratch-host/
COPY apps/upload-worker/package.json apps/upload-worker/
COPY apps/verify-worker/package.json apps/verify-worker/
# Fetched once for all. The only optional ones are another node and msgpackr's native part, which it does without.
RUN pnpm install --prod --no-optional --frozen-lockfile --ignore-scripts \
 && rm -rf node_modules apps/*/node_modules packages/*/node_modules
COPY scripts/install-in-image /usr/local/bin/

FROM workspace AS scheduler-modules
RUN install-in-image @pgstow/scheduler

# The plan, the status page and the board.
FROM base AS scheduler
COPY --from=scheduler-modules /app /app
COPY packages/shared/src packages/shared/src
COPY packages/catalog/src packages/catalog/src
COPY packages/notify/src packages/notify/src
COPY apps/scheduler/src apps/scheduler/src
USER node
EXPOSE 3000
# The board is for others to reach once it has a password, and not before.
CMD ["sh", "-c", "if [ -n \"$BOARD_PASSWORD$BOARD_PASSWORD_FILE\" ]; then export BOARD_HOST=\"${BOARD_HOST:-0.0.0.0}\"; fi; exec node --max-semi-space-size=1 apps/scheduler/src/main.ts"]

# PostgreSQL's client programs and igzip. Of Debian's client package only the programs are taken: the rest is a wrapper in
# Perl, which is several times as large and chooses a version as the dump worker does itself.
FROM base AS clients
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
        "./usr/lib/postgresql/$major/bin/pg_amcheck" \
        "./usr/share/doc/postgresql-client-$major/copyright"; \
      # A library that is missing shows here, and not in the first backup.
      "/usr/lib/postgresql/$major/bin/pg_dump" --version; \
      "/usr/lib/postgresql/$major/bin/psql" --version; \
    done; \
    rm -rf /tmp/*.deb /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/apt /var/log/dpkg.log

FROM workspace AS dump-worker-modules
RUN install-in-image @pgstow/dump-worker

FROM clients AS dump-worker
COPY --from=dump-worker-modules /app /app
COPY packages/shared/src packages/shared/src
COPY packages/postgres/src packages/postgres/src
COPY packages/catalog/src packages/catalog/src
COPY packages/notify/src packages/notify/src
COPY apps/dump-worker/src apps/dump-worker/src
USER node
CMD ["node", "--max-semi-space-size=1", "apps/dump-worker/src/main.ts"]

FROM workspace AS upload-worker-modules
RUN install-in-image @pgstow/upload-worker

# It connects to no database, and runs no program.
FROM base AS upload-worker
COPY --from=upload-worker-modules /app /app
COPY packages/shared/src packages/shared/src
COPY packages/catalog/src packages/catalog/src
COPY packages/store/src packages/store/src
COPY packages/notify/src packages/notify/src
COPY apps/upload-worker/src apps/upload-worker/src
USER node
CMD ["node", "--max-semi-space-size=1", "apps/upload-worker/src/main.ts"]

FROM workspace AS verify-worker-modules
RUN install-in-image @pgstow/verify-worker

# It connects to scratch servers alone, and asks by pg_amcheck which of them have damaged pages.
FROM clients AS verify-worker
RUN mkdir -m 0777 /scratch
COPY --from=verify-worker-modules /app /app
COPY packages/shared/src packages/shared/src
COPY packages/postgres/src packages/postgres/src
COPY packages/scratch/src packages/scratch/src
COPY packages/backups/src packages/backups/src
COPY packages/catalog/src packages/catalog/src
COPY packages/store/src packages/store/src
COPY packages/notify/src packages/notify/src
COPY apps/verify-worker/src apps/verify-worker/src
USER node
CMD ["node", "--max-semi-space-size=1", "apps/verify-worker/src/main.ts"]

# The servers that dumps are restored into, one of each major version, with the extensions that PostgreSQL itself brings. Left
# out is what a scratch server never uses and what takes most room: the compiler of LLVM's. As of the clients, only files are
# taken: no package makes a cluster or starts a service.
FROM clients AS servers
ARG PG_MAJORS=15
# Of the databases that are dumped; `psql --list` shows them. Without its own, a database is restored with another collation.
ARG PG_LOCALES=en_US.UTF-8
RUN set -eux; \
    export DEBIAN_FRONTEND=noninteractive; \
    apt-get update; \
    cd /tmp; \
    for major in $PG_MAJORS; do \
      apt-get download "postgresql-$major"; \
      # Its libraries, but for LLVM's and for what is there to run it as a service.
      apt-get install -y --no-install-recommends tzdata $(dpkg-deb --field "postgresql-${major}"_*.deb Depends \
        | tr ',' '\n' | sed -e 's/[(|].*//' -e 's/ //g' | grep -v -e llvm -e '^postgresql' -e ssl-cert -e locales); \
      dpkg-deb --fsys-tarfile "postgresql-${major}"_*.deb | tar -x -C / \
        --exclude='*/bitcode' --exclude='*/llvmjit*' --exclude='*/man' \
        "./usr/lib/postgresql/$major" "./usr/share/postgresql/$major" "./usr/share/doc/postgresql-$major/copyright"; \
      "/usr/lib/postgresql/$major/bin/postgres" --version; \
      "/usr/lib/postgresql/$major/bin/initdb" --version; \
    done; \
    apt-get download locales; \
    dpkg-deb --fsys-tarfile locales_*.deb | tar -x -C / ./usr/share/i18n; \
    for locale in $PG_LOCALES; do localedef -i "${locale%%.*}" -f "${locale#*.}" "$locale"; done; \
    rm -rf /usr/share/i18n /tmp/*.deb /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/apt /var/log/dpkg.log

FROM workspace AS scratch-host-modules
RUN install-in-image @pgstow/scratch-host

# It is root to run PostgreSQL as a user whose every process is a scratch server's, and asks nobody for anything.
FROM servers AS scratch-host
RUN useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin pgstow-scratch; \
    mkdir -m 0755 /scratch-host
COPY --from=scratch-host-modules /app /app
COPY packages/shared/src packages/shared/src
COPY packages/postgres/src packages/postgres/src
COPY packages/scratch/src packages/scratch/src
COPY apps/scratch-host/src apps/scratch-host/src
CMD ["node", "--max-semi-space-size=1", "apps/scratch-host/src/main.ts"]

FROM workspace AS cli-modules
RUN install-in-image @pgstow/cli

# It restores by itself, and for the rest asks the others.
FROM clients AS cli
COPY --from=cli-modules /app /app
COPY packages/shared/src packages/shared/src
COPY packages/postgres/src packages/postgres/src
COPY packages/scratch/src packages/scratch/src
COPY packages/backups/src packages/backups/src
COPY packages/catalog/src packages/catalog/src
COPY packages/store/src packages/store/src
COPY packages/notify/src packages/notify/src
COPY apps/cli/src apps/cli/src
USER node
ENTRYPOINT ["node", "apps/cli/src/main.ts"]

FROM workspace AS demo-s3-modules
RUN install-in-image @pgstow/s3-server

# For `--profile demo` alone.
FROM base AS demo-s3
RUN mkdir -m 0777 /data
COPY --from=demo-s3-modules /app /app
COPY packages/s3-server/src packages/s3-server/src
USER node
EXPOSE 9000
CMD ["node", "packages/s3-server/src/main.ts", "9000", "/data", "0.0.0.0", "pgstow-demo"]
