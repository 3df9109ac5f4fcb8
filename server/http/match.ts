/**
 * Finds the routes of a path in a tree of path segments, built once from the route table.
 *
 * Every request passes here, so it costs a few map lookups: with Express, a whole `POST` takes more than twice the CPU.
 */
import { Problem } from './problem.ts'
import { isStream, type Route } from './route.ts'

/** The routes of one path, by method, and the values of its parameters. */
export interface Match {
  routes: ReadonlyMap<string, Route>
  params: Record<string, string>
}

interface Node {
  children: Map<string, Node>
  /** The child that matches any segment. */
  parameter: Node | undefined
  names: string[]
  routes: Map<string, Route>
}

/**
 * Returns a function that finds every match of a path, the most literal first: `/location/sse` matches both the route of
 * that name and `/location/:user`.
 */
export function createMatcher(routes: readonly Route[]): (path: string) => Match[] {
  const root = createNode()
  for (const row of routes) insert(root, row)
  return path => {
    const segments = path.split('/')
    segments.shift()
    // A trailing slash makes no difference.
    if (segments.length > 1 && segments.at(-1) === '') segments.pop()
    const found: Match[] = []
    collect(root, segments, 0, [], found)
    return found
  }
}

function createNode(): Node {
  return { children: new Map(), parameter: undefined, names: [], routes: new Map() }
}

function insert(root: Node, row: Route): void {
  let node = root
  const names: string[] = []
  for (const segment of row.path.slice(1).split('/')) {
    if (segment.startsWith(':')) {
      names.push(segment.slice(1))
      node.parameter ??= createNode()
      node = node.parameter
    } else {
      const child = node.children.get(segment) ?? createNode()
      node.children.set(segment, child)
      node = child
    }
  }
  node.names = names
  node.routes.set(row.method, row)
  if (row.method === 'GET' && !isStream(row)) node.routes.set('HEAD', row)
}

function collect(node: Node, segments: string[], at: number, values: string[], found: Match[]): void {
  const segment = segments[at]
  if (segment === undefined) {
    if (node.routes.size > 0) found.push({ routes: node.routes, params: paramsOf(node.names, values) })
    return
  }
  const child = node.children.get(segment)
  if (child) collect(child, segments, at + 1, values, found)
  if (node.parameter && segment !== '') collect(node.parameter, segments, at + 1, [...values, segment], found)
}

function paramsOf(names: string[], values: string[]): Record<string, string> {
  const params: Record<string, string> = {}
  for (let i = 0; i < values.length; i++) params[names[i] ?? ''] = decode(values[i] ?? '')
  return params
}

function decode(segment: string): string {
  if (!segment.includes('%')) return segment
  try {
    return decodeURIComponent(segment)
  } catch {
    throw new Problem(400, `The path segment "${segment.slice(0, 64)}" is not valid percent-encoding. Write % as %25.`)
  }
}
