# One small image for each process: scheduler, dump-worker, upload-worker, verify-worker, scratch-host, cli (the command line)
# and demo-s3 (the demo's store).
#
#   docker build --target dump-worker --build-arg PG_MAJORS="15 17" -t pgstow-dump-worker .
#
# The build needs neither BuildKit nor a compiler. Node runs the TypeScript files as they are. It strips no types below a
# node_modules folder but follows pnpm's links out of it, so every image keeps the workspace's layout.

ARG NODE_IMAGE=node:24-bookworm-slim
# The servers of restore tests: the stage `servers` below, or an image of yours with the extensions of your databases.
ARG SCRATCH_IMAGE=servers

# The base of every process.
FROM ${NODE_IMAGE} AS base
ENV NODE_ENV=production HOME=/home/node NODE_COMPILE_CACHE=/compiled
WORKDIR /app
COPY scripts/lean scripts/
# A new named volume takes over the mode of the folder that it is mounted on, so any user that the containers run as can write
# there. Other users of the host never get past Docker's own folder.
RUN mkdir -m 0777 /backups /copies
# Each image brings its modules compiled, for its own user alone: Node keeps a cache for each. A process that refuses its
# configuration has loaded all of them.
RUN mkdir -m 0777 "$NODE_COMPILE_CACHE"

# Only the package files: while they stay the same, a change of source installs nothing anew.
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
# Fetched once for all images. The only optional packages are another node and msgpackr's native part, which is not needed.
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
RUN LOG_LEVEL=none /app/scripts/lean node apps/scheduler/src/main.ts || ls "$NODE_COMPILE_CACHE"/*/* >/dev/null
EXPOSE 3000
# The board listens to other machines only once it has a password.
CMD ["sh", "-c", "if [ -n \"$BOARD_PASSWORD$BOARD_PASSWORD_FILE\" ]; then export BOARD_HOST=\"${BOARD_HOST:-0.0.0.0}\"; fi; exec /app/scripts/lean node apps/scheduler/src/main.ts"]

# PostgreSQL's client programs, igzip and age. Only the programs are taken from Debian's client package. The rest is a wrapper in
# Perl, several times as large, that chooses a version, which the dump worker does itself.
FROM base AS clients
ARG PG_MAJORS=all
COPY scripts/offer-postgresql /usr/local/bin/
RUN set -eux; \
    export DEBIAN_FRONTEND=noninteractive; \
    apt-get update; \
    apt-get install -y --no-install-recommends age ca-certificates isal pigz; \
    offer-postgresql $PG_MAJORS >/etc/postgresql-majors; \
    apt-get install -y --no-install-recommends libpq5 libreadline8 libzstd1 liblz4-1; \
    cd /tmp; \
    for major in $(cat /etc/postgresql-majors); do \
      apt-get download "postgresql-client-$major"; \
      dpkg-deb --fsys-tarfile "postgresql-client-${major}"_*.deb | tar -x -C / \
        "./usr/lib/postgresql/$major/bin/pg_dump" "./usr/lib/postgresql/$major/bin/psql" \
        "./usr/lib/postgresql/$major/bin/pg_dumpall" \
        "./usr/lib/postgresql/$major/bin/pg_amcheck" \
        "./usr/share/doc/postgresql-client-$major/copyright"; \
      # A missing library shows here, and not in the first backup.
      "/usr/lib/postgresql/$major/bin/pg_dump" --version; \
      "/usr/lib/postgresql/$major/bin/psql" --version; \
    done; \
    rm -rf /tmp/* /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/apt /var/log/dpkg.log

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
RUN LOG_LEVEL=none /app/scripts/lean node apps/dump-worker/src/main.ts || ls "$NODE_COMPILE_CACHE"/*/* >/dev/null
CMD ["/app/scripts/lean", "node", "apps/dump-worker/src/main.ts"]

FROM workspace AS upload-worker-modules
RUN install-in-image @pgstow/upload-worker

# It connects to no database, and runs no program.
FROM base AS upload-worker
COPY --from=upload-worker-modules /app /app
COPY packages/shared/src packages/shared/src
COPY packages/backups/src packages/backups/src
COPY packages/catalog/src packages/catalog/src
COPY packages/store/src packages/store/src
COPY packages/notify/src packages/notify/src
COPY apps/upload-worker/src apps/upload-worker/src
USER node
RUN LOG_LEVEL=none /app/scripts/lean node apps/upload-worker/src/main.ts || ls "$NODE_COMPILE_CACHE"/*/* >/dev/null
CMD ["/app/scripts/lean", "node", "apps/upload-worker/src/main.ts"]

FROM workspace AS verify-worker-modules
RUN install-in-image @pgstow/verify-worker

# It connects only to scratch servers, and looks for damaged pages there with pg_amcheck.
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
RUN LOG_LEVEL=none /app/scripts/lean node apps/verify-worker/src/main.ts || ls "$NODE_COMPILE_CACHE"/*/* >/dev/null
CMD ["/app/scripts/lean", "node", "apps/verify-worker/src/main.ts"]

# The servers that dumps are restored into, one of each major version, with PostgreSQL's own extensions. LLVM's compiler, the
# largest part, is left out: a scratch server never uses it. Only files are taken: no package makes a cluster or starts a service.
FROM clients AS servers
# The locales of the dumped databases, as `psql --list` shows them. Without its locale, a database gets another collation.
ARG PG_LOCALES=en_US.UTF-8
RUN set -eux; \
    export DEBIAN_FRONTEND=noninteractive; \
    apt-get update; \
    cd /tmp; \
    for major in $(cat /etc/postgresql-majors); do \
      apt-get download "postgresql-$major"; \
      # Its libraries, without LLVM's and without what runs it as a service.
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

# What the host brings into an image that is not ours: Node and setpriv, with the libraries and the loader that they are built
# for. So they run whatever libc that image has, musl (Alpine) included; its PostgreSQL runs with its own.
FROM base AS brought
ARG SCRATCH_IMAGE
RUN set -eu; \
    mkdir -p /opt/pgstow/bin /opt/pgstow/lib; \
    if [ "$SCRATCH_IMAGE" != servers ]; then \
      for program in node setpriv; do \
        path="$(command -v "$program")"; \
        cp "$path" $(ldd "$path" | grep -o '/[^ ]*') /opt/pgstow/lib/; \
        echo '#!/bin/sh' >"/opt/pgstow/bin/$program"; \
        echo "exec $(ls /opt/pgstow/lib/ld-*) --library-path /opt/pgstow/lib /opt/pgstow/lib/$program \"\$@\"" >>"/opt/pgstow/bin/$program"; \
        chmod 755 "/opt/pgstow/bin/$program"; \
      done; \
      /opt/pgstow/bin/node --version; \
    fi

# It runs as root, to run PostgreSQL as a user that owns nothing but scratch servers. It connects to nothing.
FROM ${SCRATCH_IMAGE} AS scratch-host
USER root
COPY --from=brought /opt/pgstow /opt/pgstow
ENV PATH=/opt/pgstow/bin:$PATH NODE_ENV=production
WORKDIR /app
ARG SCRATCH_IMAGE
ARG PG_LOCALES=en_US.UTF-8
# No two images have the same programs for users, and every one has these files.
RUN echo 'pgstow-scratch:x:61236:61236::/nonexistent:/usr/sbin/nologin' >>/etc/passwd; \
    echo 'pgstow-scratch:x:61236:' >>/etc/group; \
    mkdir -m 0755 /scratch-host; \
    if [ "$SCRATCH_IMAGE" != servers ]; then \
      for locale in $PG_LOCALES; do \
        localedef -i "${locale%%.*}" -f "${locale#*.}" "$locale" || echo "this image cannot have the locale $locale"; \
      done; \
    fi
COPY --from=scratch-host-modules /app /app
COPY packages/shared/src packages/shared/src
COPY packages/postgres/src packages/postgres/src
COPY packages/scratch/src packages/scratch/src
COPY apps/scratch-host/src apps/scratch-host/src
STOPSIGNAL SIGTERM
ENTRYPOINT []
CMD ["/app/scripts/lean", "node", "apps/scratch-host/src/main.ts"]

FROM workspace AS cli-modules
RUN install-in-image @pgstow/cli

# It restores by itself; all else it asks the other processes for.
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
RUN /app/scripts/lean node apps/cli/src/main.ts --help >/dev/null
ENTRYPOINT ["/app/scripts/lean", "node", "apps/cli/src/main.ts"]

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
