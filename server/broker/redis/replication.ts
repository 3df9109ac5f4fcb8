/**
 * What a node says of its replication and persistence. From this the scripts know whether entries of a log may be missing
 * after a failover or a restart.
 */

export interface Replication {
  /** A replica that is promoted, and a Redis that is restarted, begin a new epoch. */
  epoch: string
  /** Entries of another epoch are complete if they are not older than this, in milliseconds since 1970 by Redis's clock. */
  completeSinceMs: number
  isReplica: boolean
  /** Redis is reading its file, and refuses every command that needs the data. */
  isLoading: boolean
}

/** Later than every entry. */
export const never = 1e15

/** Reads the sections `server`, `replication` and `persistence` of INFO. */
export function parseReplication(info: string): Replication {
  const field = (name: string) => new RegExp(`^${name}:(\\S*)`, 'm').exec(info)?.[1] ?? ''
  const startedAtMs = Number(field('server_time_usec')) / 1_000 - Number(field('uptime_in_seconds')) * 1_000
  const wasPromoted = /[^0]/.test(field('master_replid2'))
  const hasFile = field('aof_enabled') === '1'
  return {
    epoch: field('master_replid').slice(0, 10),
    // A promoted replica may lack events that its master had confirmed. A restarted Redis has every event in its
    // append-only file. Without that file, an entry that is newer than the process was migrated, or the epoch has begun
    // because a first replica was attached. The uptime has whole seconds.
    completeSinceMs: wasPromoted ? never : hasFile ? 0 : Math.ceil(startedAtMs) + 1_001,
    isReplica: field('role') === 'slave',
    isLoading: field('loading') === '1',
  }
}
