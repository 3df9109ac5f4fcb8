/**
 * Checks the imports between the parts: which part may import which, what each may use, and that there is no cycle.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'
import { parseSync } from '@swc/core'

interface Import {
  from: string
  /** A file of this project, like `server/hub/hub.ts`, or a package. */
  to: string
  isTypeOnly: boolean
}

const root = fileURLToPath(new URL('..', import.meta.url))

/**
 * `main → index → app → {location, relay, ticks} → http → hub → broker`, spelled out. A file belongs to the first part whose path
 * is a prefix of its own. The files of one part may import each other.
 */
const parts: { name: string; path: string; mayImport: string[] }[] = [
  { name: 'main', path: 'server/main.ts', mayImport: ['index', 'workers', 'cli', 'config', 'http', 'version'] },
  // Only main starts processes.
  { name: 'workers', path: 'server/workers/', mayImport: ['http'] },
  { name: 'cli', path: 'server/cli/', mayImport: ['config'] },
  { name: 'config', path: 'server/config/', mayImport: ['redis', 'upstreams', 'http'] },
  // Composes the parts, so it is the only one that imports both brokers.
  {
    name: 'app',
    path: 'server/app.ts',
    mayImport: ['config', 'routes', 'http', 'location', 'relay', 'ticks', 'hub', 'broker', 'memory', 'redis'],
  },
  { name: 'index', path: 'server/index.ts', mayImport: ['app', 'config', 'http', 'location', 'wire'] },
  { name: 'routes', path: 'server/routes.ts', mayImport: ['http', 'location', 'relay', 'ticks'] },
  { name: 'location', path: 'server/location/', mayImport: ['http', 'hub', 'broker', 'wire'] },
  // The operator's list of upstreams is part of the configuration too.
  { name: 'upstreams', path: 'server/relay/upstreams.ts', mayImport: [] },
  { name: 'relay', path: 'server/relay/', mayImport: ['upstreams', 'http', 'hub', 'broker'] },
  { name: 'ticks', path: 'server/ticks/', mayImport: ['http', 'hub'] },
  { name: 'http', path: 'server/http/', mayImport: ['hub', 'broker', 'version'] },
  { name: 'hub', path: 'server/hub/', mayImport: ['broker'] },
  { name: 'redis', path: 'server/broker/redis/', mayImport: ['broker'] },
  { name: 'memory', path: 'server/broker/memory/', mayImport: ['broker'] },
  { name: 'broker', path: 'server/broker/', mayImport: [] },
  { name: 'version', path: 'server/version.ts', mayImport: [] },
  { name: 'wire', path: 'web/wire.ts', mayImport: [] },
  { name: 'client', path: 'web/client/', mayImport: ['wire'] },
  { name: 'page', path: 'web/page/', mayImport: ['client'] },
]

const partOf = (file: string) => parts.find(({ path }) => file.startsWith(path))

const files = ['server', 'web'].flatMap(folder =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(path => path.endsWith('.ts') && !path.includes('dist/'))
    .map(path => `${folder}/${path}`),
)
const trees = new Map(files.map(file => [file, parse(readFileSync(join(root, file), 'utf8'))]))
const imports = [...trees].flatMap(([file, tree]) => importsIn(file, tree))

const asText = ({ from, to }: Import) => `${from} → ${to}`

/** Returns the imports that `parts` does not allow. */
function forbidden(edges: Import[]): Import[] {
  return edges.filter(({ from, to }) => {
    const [importer, imported] = [partOf(from), partOf(to)]
    return imported && importer !== imported && !importer?.mayImport.includes(imported.name)
  })
}

/** Returns every import cycle as its files in alphabetical order. Imports of types count too. */
function cycles(edges: Import[]): string[][] {
  const reached = new Map<string, Set<string>>()
  for (const { from } of edges) reached.set(from, reach(from, edges))
  const found = new Map<string, string[]>()
  for (const file of reached.keys()) {
    const cycle = [...reached.keys()].filter(to => reached.get(file)?.has(to) && reached.get(to)?.has(file)).sort()
    if (cycle.length > 0) found.set(cycle.join(), cycle)
  }
  return [...found.values()]
}

function reach(from: string, edges: Import[], reached = new Set<string>()): Set<string> {
  for (const edge of edges) {
    if (edge.from !== from || reached.has(edge.to)) continue
    reached.add(edge.to)
    reach(edge.to, edges, reached)
  }
  return reached
}

function parse(source: string): unknown {
  return parseSync(source, { syntax: 'typescript', target: 'es2022' })
}

interface Node {
  type?: string
  value?: unknown
  typeOnly?: boolean
  isTypeOnly?: boolean
  source?: Node | null
  specifiers?: Node[]
  callee?: Node
  arguments?: { expression: Node }[]
}

function nodesIn(tree: unknown): Node[] {
  if (typeof tree !== 'object' || tree === null) return []
  return [tree as Node, ...Object.values(tree).flatMap(nodesIn)]
}

/** Returns the names that stand for a variable, not for a property of an object, such as the process of a worker. */
function variablesIn(tree: unknown): string[] {
  if (typeof tree !== 'object' || tree === null) return []
  const { type, value, property, key, ...rest } = tree as Node & { property?: Node; key?: Node }
  const computed = [property, key].filter(node => node?.type !== 'Identifier')
  return [
    ...(type === 'Identifier' ? [String(value)] : []),
    ...[...computed, ...Object.values(rest)].flatMap(variablesIn),
  ]
}

/** Returns the imports of `import`, `export … from` and `import()`. */
function importsIn(from: string, tree: unknown): Import[] {
  return nodesIn(tree).flatMap(node => {
    const isCall = node.type === 'CallExpression' && node.callee?.type === 'Import'
    const isDeclaration = /^(Import|ExportNamed|ExportAll)Declaration$/.test(node.type ?? '')
    const source = isCall ? node.arguments?.[0]?.expression : isDeclaration ? node.source : null
    if (!source) return []
    const specifiers = node.specifiers ?? []
    const isTypeOnly = node.typeOnly || (specifiers.length > 0 && specifiers.every(each => each.isTypeOnly))
    const name = String(source.value)
    const to = name.startsWith('.') ? join(from, '..', name) : name
    return [{ from, to, isTypeOnly: Boolean(isTypeOnly) }]
  })
}

test('every file belongs to a part', () => {
  expect(files.filter(file => !partOf(file))).toEqual([])
  expect(imports.map(({ to }) => to).filter(to => /^(server|web)\//.test(to) && !files.includes(to))).toEqual([])
})

/** One line for each part: the parts that its files import. */
function picture(edges: Import[]): string {
  const lines = parts.map(({ name }) => {
    const imported = edges.filter(({ from }) => partOf(from)?.name === name).map(({ to }) => partOf(to)?.name)
    const others = parts.map(part => part.name).filter(other => other !== name && imported.includes(other))
    return `${name} → ${others.join(', ') || '–'}`
  })
  return `${lines.join('\n')}\n`
}

test('every import between two parts is allowed', () => {
  process.stdout.write(picture(imports))
  expect(forbidden(imports).map(asText)).toEqual([])
  expect(imports.length).toBeGreaterThan(100)
})

test('no files import each other in a cycle', () => {
  expect(cycles(imports)).toEqual([])
})

test('the page imports only the public entries of the client', () => {
  const inside = imports.filter(({ from, to }) => from.startsWith('web/page/') && to.startsWith('web/client/'))
  const entries = ['web/client/index.ts', 'web/client/stream.ts']
  expect(inside.filter(({ to }) => !entries.includes(to)).map(asText)).toEqual([])
  expect(inside).not.toEqual([])
})

test('only the Redis broker imports ioredis', () => {
  const importers = imports.filter(({ to }) => to === 'ioredis').map(({ from }) => from)
  expect(importers.filter(from => partOf(from)?.name !== 'redis')).toEqual([])
  expect(importers).not.toEqual([])
})

test('the hub imports neither HTTP nor Express nor ioredis', () => {
  const imported = imports.filter(({ from }) => partOf(from)?.name === 'hub').map(({ to }) => to)
  expect(imported.filter(to => /^(express|ioredis|node:https?)$/.test(to))).toEqual([])
})

test('only main.ts uses the process; index.ts reads its environment, and version.ts the version of Node', () => {
  const users = files.filter(file => variablesIn(trees.get(file)).includes('process'))
  expect(users).toEqual(['server/main.ts'])
  expect(imports.filter(({ to }) => to === 'node:process' || to === 'process').map(asText)).toEqual([
    'server/index.ts → node:process',
    'server/version.ts → node:process',
  ])
})

test('web/wire.ts is imported only for types, and the files of web import no package but React', () => {
  expect(imports.filter(({ to, isTypeOnly }) => to === 'web/wire.ts' && !isTypeOnly).map(asText)).toEqual([])
  const ofWeb = imports.filter(({ from }) => from.startsWith('web/'))
  const packages = ofWeb.filter(({ to }) => !to.startsWith('web/'))
  expect(packages.map(asText)).toEqual(['web/client/react.ts → react'])
})

test('a forbidden import is detected', () => {
  const source = `
    import type { Hub } from '../hub/hub.ts'
    export { start } from '../app.ts'
    const late = () => import('../location/handlers.ts')`
  const detected = importsIn('server/broker/broker.ts', parse(source))
  expect(forbidden(detected).map(asText)).toEqual([
    'server/broker/broker.ts → server/hub/hub.ts',
    'server/broker/broker.ts → server/app.ts',
    'server/broker/broker.ts → server/location/handlers.ts',
  ])
  expect(detected.map(({ isTypeOnly }) => isTypeOnly)).toEqual([true, false, false])
})

test('a use of the process is detected, and a property of that name is not', () => {
  expect(variablesIn(parse('process.exit()'))).toContain('process')
  expect(variablesIn(parse('const { env } = process'))).toContain('process')
  expect(variablesIn(parse('const { process: child } = worker; worker.process.kill()'))).not.toContain('process')
})

test('every import cycle is detected, even of type imports in one folder', () => {
  const edge = (from: string, to: string, isTypeOnly: boolean) => ({ from, to, isTypeOnly })
  const line = [edge('a/1.ts', 'a/2.ts', false), edge('a/2.ts', 'a/3.ts', false)]
  expect(cycles(line)).toEqual([])
  expect(cycles([...line, edge('a/3.ts', 'a/1.ts', false)])).toEqual([['a/1.ts', 'a/2.ts', 'a/3.ts']])
  expect(cycles([...line, edge('a/3.ts', 'a/1.ts', true)])).toEqual([['a/1.ts', 'a/2.ts', 'a/3.ts']])
  expect(cycles([edge('a/1.ts', 'a/2.ts', true), edge('a/2.ts', 'a/1.ts', true)])).toEqual([['a/1.ts', 'a/2.ts']])
  expect(cycles([edge('a/1.ts', 'b/1.ts', true), edge('b/1.ts', 'a/1.ts', true)])).toEqual([['a/1.ts', 'b/1.ts']])
  expect(cycles([edge('a/1.ts', 'a/1.ts', false)])).toEqual([['a/1.ts']])
})
