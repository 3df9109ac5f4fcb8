/**
 * The versions of this package and of Node, for the metrics and `--version`.
 */
import { readFileSync } from 'node:fs'
import { versions } from 'node:process'

// The built file is in dist/server, the source in server.
const packageFile = new URL(import.meta.url.endsWith('.ts') ? '../package.json' : '../../package.json', import.meta.url)

export const nodeVersion: string = versions.node
export const packageVersion: string = JSON.parse(readFileSync(packageFile, 'utf8')).version
