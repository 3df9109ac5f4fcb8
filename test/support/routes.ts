/**
 * Requests for every route that needs a scope.
 */
import type { RequestParts } from './requests.ts'

export interface Route {
  method: string
  path: string
  json?: unknown
  /** The scope that the route needs. */
  scope: 'location:read' | 'location:write'
}

/** Returns the requests of the collaborator alice in a room. */
export function routesOf(room: string): Route[] {
  const base = room === 'lobby' ? '/location' : `/rooms/${room}/location`
  const location = { user: 'alice', x: 1, y: 2 }
  return [
    { method: 'GET', path: base, scope: 'location:read' },
    { method: 'HEAD', path: base, scope: 'location:read' },
    { method: 'GET', path: `${base}/sse`, scope: 'location:read' },
    { method: 'POST', path: `${base}/sse`, json: {}, scope: 'location:read' },
    { method: 'POST', path: base, json: location, scope: 'location:write' },
    { method: 'POST', path: base, json: { x: 1, y: 2 }, scope: 'location:write' },
    { method: 'POST', path: base, json: [location], scope: 'location:write' },
    { method: 'POST', path: `${base}/alive`, json: { user: 'alice' }, scope: 'location:write' },
    { method: 'DELETE', path: `${base}/alice`, scope: 'location:write' },
  ]
}

export type Carrier = 'bearer' | 'cookie' | 'query'

/** Returns a route's request with a token. With a cookie, the request has the Origin of the server's own page. */
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
