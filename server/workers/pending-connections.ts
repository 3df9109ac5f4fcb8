/**
 * When a worker crashes, closes the connections that were sent to it and that it had not accepted yet. Node would keep
 * these connections open, and their clients would wait forever. A client whose connection closes tries again.
 */
import type { Worker } from 'node:cluster'

/** The part of a connection, as `node:cluster` sends it, that is used here. */
interface Connection {
  close?(): void
}

export function closePendingConnections({ process: child }: Worker): void {
  /**
   * The last connection of each port. The worker receives the next one only after it has accepted this one. Closing a
   * connection twice has no effect.
   */
  const pending = new Map<unknown, Connection>()
  const send = child.send.bind(child) as (...args: unknown[]) => boolean
  child.send = (...args: unknown[]) => {
    const [message, connection] = args as [{ act?: string; key?: unknown }, Connection | undefined]
    if (message.act === 'newconn' && connection) pending.set(message.key, connection)
    return send(...args)
  }
  child.once('exit', () => {
    for (const connection of pending.values()) connection.close?.()
  })
}
