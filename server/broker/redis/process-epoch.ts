/**
 * The epoch of a node whose user may not run INFO.
 *
 * A key names the epoch, and a marker in the script cache belongs to it. Redis replicates and saves the key, but not the
 * script cache. So a promoted replica and a restarted Redis have the key without its marker, and begin a new epoch. Unlike
 * with INFO, a restart with an append-only file begins a new epoch, too.
 */
import { createHash } from 'node:crypto'
import type { Redis } from 'ioredis'
import { nanoid } from 'nanoid'
import { never, type Replication } from './replication.ts'

const ttlMs = 7 * 24 * 3_600_000
const maxAttempts = 5

/** ARGV 1 ttl. Returns the epoch, or false. */
const readScript = `local epoch = redis.call('GET', KEYS[1])
if epoch and redis.call('PTTL', KEYS[1]) < ARGV[1] / 2 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return epoch`

/** ARGV 1 the epoch that was read or empty, 2 the new one, 3 ttl. Does nothing if another instance was faster. */
const replaceScript = `if (redis.call('GET', KEYS[1]) or '') == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end`

/** `key` must belong to the node. Rejects with the error of Redis or ioredis. */
export async function readProcessEpoch(redis: Redis, key: string): Promise<Replication> {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const known = (await redis.eval(readScript, 1, key, ttlMs)) as string | null
    if (known) {
      const [isMarked] = (await redis.script('EXISTS', shaOf(markerOf(known)))) as number[]
      if (isMarked) return { epoch: known, completeSinceMs: never, isReplica: false, isLoading: false }
    }
    const next = nanoid(10).replace(/[^0-9A-Za-z]/g, '0')
    // The marker comes first: an instance that reads the key must find it.
    await redis.script('LOAD', markerOf(next))
    await redis.eval(replaceScript, 1, key, known ?? '', next, ttlMs)
  }
  throw new Error('The epoch of the node does not settle.')
}

function markerOf(epoch: string): string {
  return `return 'epoch ${epoch}'`
}

function shaOf(source: string): string {
  return createHash('sha1').update(source).digest('hex')
}
