/**
 * Waits for entries in a server's log.
 */
import type { TestServer } from './server.ts'

type Entry = TestServer['log'][number]

const timeoutMs = 15_000

/** Resolves with the first log entry that matches, once the server has logged it. */
export function logged(server: TestServer, matches: (entry: Entry) => boolean): Promise<Entry> {
  return new Promise((resolve, reject) => {
    const look = () => {
      const entry = server.log.find(matches)
      if (!entry) return
      settle()
      resolve(entry)
    }
    const settle = () => {
      clearTimeout(timer)
      server.child.stdout?.off('data', look)
    }
    const timer = setTimeout(() => {
      settle()
      reject(new Error(`No log entry matches. The last entries: ${JSON.stringify(server.log.slice(-5))}`))
    }, timeoutMs)
    // `startServer` listens to the same stream first, so `server.log` is up to date when `look` runs.
    server.child.stdout?.on('data', look)
    look()
  })
}
