/**
 * The HTTP server of the command line: bounds what a connection may cost before it is a request, and listens.
 */
import { createServer, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Logger } from 'pino'
import { answerMalformedRequest } from './malformed-request.ts'
import type { Handler } from './router.ts'

export interface ListenOptions {
  host: string
  port: number
  /** How long an idle connection stays open. */
  keepAliveMs: number
}

/**
 * How many connections may wait to be accepted. After a deployment all clients reconnect at once, and a client whose
 * connection finds no place waits a second or more.
 */
const backlog = 4_096
/** How long and how much a client may send before it is a request. */
const httpTimeouts = {
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 16 * 1024,
}

/** Resolves once the server listens. Rejects when it can't listen on the address. */
export function listen(
  handler: Handler,
  { host, port, keepAliveMs }: ListenOptions,
  log: Logger,
): Promise<{ server: Server; address: AddressInfo }> {
  const server = createServer({ keepAliveTimeout: keepAliveMs, ...httpTimeouts }, (req, res) => handler(req, res))
  server.on('clientError', (error, socket) => answerMalformedRequest(error, socket as Socket))
  return new Promise((resolve, reject) => {
    server.on('error', error => {
      if (server.listening) log.warn({ reason: error.message }, 'connection not accepted')
      else reject(error)
    })
    server.listen({ port, host, backlog }, () => resolve({ server, address: server.address() as AddressInfo }))
  })
}

/** Stops listening and closes every connection. */
export function closeServer(server: Server): void {
  server.close()
  server.closeAllConnections()
}
