/**
 * Every route that wants a right, as requests.
 */
import type { RequestParts } from './requests.ts'

export interface Route {
  method: string
  path: string
  json?: unknown
  /** The scope that it wants. */
  scope: 'location:read' | 'location:write'
}

/** For the collaborator alice, in that room. */
export function routesOf(room: string): Route[] {
  const base = room === 'lobby' ? '/location' : `/rooms/${room}/location`
  const said = { user: 'alice', x: 1, y: 2 }
  return [
    { method: 'GET', path: base, scope: 'location:read' },
    { method: 'HEAD', path: base, scope: 'location:read' },
    { method: 'GET', path: `${base}/sse`, scope: 'location:read' },
    { method: 'POST', path: `${base}/sse`, json: {}, scope: 'location:read' },
    { method: 'POST', path: base, json: said, scope: 'location:write' },
    { method: 'POST', path: base, json: { x: 1, y: 2 }, scope: 'location:write' },
    { method: 'POST', path: base, json: [said], scope: 'location:write' },
    { method: 'POST', path: `${base}/alive`, json: { user: 'alice' }, scope: 'location:write' },
    { method: 'DELETE', path: `${base}/alice`, scope: 'location:write' },
  ]
}

export type Carrier = 'bearer' | 'cookie' | 'query'

/** The route's request with a token; by cookie as the server's own page sends it. */
export function carrying(
  route: Route,
  carrier: Carrier,
  token: string,
  port: number,
): [path: string, parts: RequestParts] {
  const headers =
    carrier === 'bearer'
      ? { authorization: `Bearer ${token}` }
      : carrier === 'cookie'
        ? { cookie: `a=b; colocate_token=${token}`, origin: `http://127.0.0.1:${port}` }
        : {}
  const query = carrier === 'query' ? `?access_token=${encodeURIComponent(token)}` : ''
  return [route.path + query, { headers, ...(route.json !== undefined && { json: route.json }) }]
}
