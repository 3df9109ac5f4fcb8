/**
 * What Redis has done, in counts: they do not depend on how busy the machine is.
 */
import type { Redis } from 'ioredis'

/** How often each command was called, also by scripts. The names are lower case. */
export async function commandCalls(redis: Redis): Promise<Map<string, number>> {
  const info = await redis.info('commandstats')
  return new Map(
    [...info.matchAll(/^cmdstat_(\S+):calls=(\d+)/gm)].map(([, name = '', calls]) => [name, Number(calls)]),
  )
}

/** Returns the calls of one command while `act` runs, at all of the nodes together. */
export async function callsDuring(nodes: Redis[], command: string, act: () => Promise<unknown>): Promise<number> {
  const count = async () => {
    const all = await Promise.all(nodes.map(commandCalls))
    return all.reduce((sum, calls) => sum + (calls.get(command) ?? 0), 0)
  }
  const before = await count()
  await act()
  return (await count()) - before
}
