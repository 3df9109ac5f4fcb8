/**
 * Ports for programs that cannot choose a free port themselves.
 */
import { createServer } from 'node:net'

/** Below the ports that the system assigns, so that no other connection takes a port before its program has started. */
const [lowest, count] = [11_000, 11_000]

/** Returns a loopback port that was free a moment ago. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = anyPort()
    if (await isFree(port)) return port
  }
}

/** Like `freePort`. The port 10,000 above is free, too: it becomes the bus port of a Redis Cluster's node. */
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
