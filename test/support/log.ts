/**
 * What a server has logged.
 */
import type { TestServer } from './server.ts'

type Entry = TestServer['log'][number]

const timeoutMs = 15_000

/** The first entry that is it, as soon as it is there. */
export function logged(server: TestServer, isIt: (entry: Entry) => boolean): Promise<Entry> {
  return new Promise((resolve, reject) => {
    const look = () => {
      const entry = server.log.find(isIt)
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
      reject(new Error(`It was not logged. The last was: ${JSON.stringify(server.log.slice(-5))}`))
    }, timeoutMs)
    // The server's own lines were read before this is told.
    server.child.stdout?.on('data', look)
    look()
  })
}
