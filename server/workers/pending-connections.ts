/**
 * Closes the connections that a worker was given, but had not taken, when it crashed. Node keeps them open without an owner, so
 * that their clients would wait forever; a client whose connection closes tries again.
 */
import type { Worker } from 'node:cluster'

/** The part of a connection, as `node:cluster` sends it, that is used here. */
interface Connection {
  close?(): void
}

export function closePendingConnections({ process: child }: Worker): void {
  /** The last one of each port: a worker is given the next one when it has taken this one. Closing twice does nothing. */
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
