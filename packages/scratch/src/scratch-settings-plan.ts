/** Connections for a restore, the comparison and pg_amcheck. */
const MAX_CONNECTIONS = 10;
const MAX_WORKER_PROCESSES = 4;
/** One autovacuum worker, because the server refuses none, and its launcher. */
const AUTOVACUUM_BACKENDS = 2;
/** Shared memory that a lock takes. Source: https://www.postgresql.org/docs/15/kernel-resources.html#SYSVIPC */
const LOCK_BYTES = 270;
const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * The settings of a server that is filled once, read once and thrown away: nothing in it needs to outlast a crash, and it
 * takes about as much memory as it is given.
 */
export function planScratchSettings(memoryBytes: number): Readonly<Record<string, string>> {
  const quarter = Math.floor(memoryBytes / 4);
  // A restore is one transaction, which holds a lock on each table, index and sequence that it makes. Memory for locks is
  // taken only when they are.
  const locks = memoryBytes / 16 / LOCK_BYTES;
  return {
    shared_buffers: kilobytes(Math.min(quarter, 512 * MIB)),
    maintenance_work_mem: kilobytes(quarter),
    work_mem: kilobytes(memoryBytes / 64),
    wal_buffers: kilobytes(4 * MIB),
    huge_pages: 'off',
    // Files in the data folder: a container's /dev/shm has 64 MB, and what a killed server leaves goes with the folder.
    dynamic_shared_memory_type: 'mmap',

    max_connections: String(MAX_CONNECTIONS),
    max_worker_processes: String(MAX_WORKER_PROCESSES),
    max_parallel_workers: '2',
    max_parallel_workers_per_gather: '1',
    max_parallel_maintenance_workers: '1',
    max_locks_per_transaction: String(
      Math.ceil(locks / (MAX_CONNECTIONS + MAX_WORKER_PROCESSES + AUTOVACUUM_BACKENDS)),
    ),
    max_prepared_transactions: '0',
    max_logical_replication_workers: '0',

    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    wal_level: 'minimal',
    max_wal_senders: '0',
    archive_mode: 'off',
    max_wal_size: '512MB',
    checkpoint_timeout: '1h',
    autovacuum: 'off',
    autovacuum_max_workers: '1',
    jit: 'off',
    restart_after_crash: 'off',

    listen_addresses: '',
    ssl: 'off',
    timezone: 'UTC',
    log_timezone: 'UTC',
    lc_messages: 'C',
    log_destination: 'stderr',
    logging_collector: 'off',
    // A log must not show restored data.
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
  };
}

function kilobytes(bytes: number): string {
  return `${Math.floor(bytes / KIB)}kB`;
}
