/**
 * Ports for programs that can't be told to choose one themselves.
 */
import { createServer } from 'node:net'

/** Below those that the system hands out by itself, so that a port stays free until its program has started. */
const [lowest, count] = [11_000, 11_000]

/** A loopback port that was free a moment ago. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = anyPort()
    if (await isFree(port)) return port
  }
}

/** One that stays free while its program is away; the port 10,000 above is free, too: a Redis Cluster's nodes talk there. */
export async function freePortPair(): Promise<number> {
  for (;;) {
    const port = anyPort()
    if ((await isFree(port)) && (await isFree(port + 10_000))) return port
  }
}

const anyPort = () => lowest + Math.floor(Math.random() * count)

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
