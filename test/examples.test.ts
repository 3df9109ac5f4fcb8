/** The examples: each is described, installs on its own, and has a lockfile that fits the packages of this repository. */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from '@jest/globals'

interface Package {
  version?: string
  resolved?: string
  dependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
}
type Lock = { packages: Record<string, Package> }

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string) => readFileSync(root + path, 'utf8')
const names = readdirSync(`${root}examples`, { withFileTypes: true })
  .filter(entry => entry.isDirectory())
  .map(({ name }) => name)
const index = read('examples/README.md')
const tests = readdirSync(`${root}test/examples`)

describe.each(names)('%s', name => {
  const lock: Lock = JSON.parse(read(`examples/${name}/package-lock.json`))

  test('is listed, described and tested', () => {
    expect(index).toContain(`| [${name}](${name})`)
    expect(read(`examples/${name}/README.md`)).toMatch(/^# .*npm start.*What to look at:/s)
    expect(tests).toContain(`${name}.test.ts`)
  })

  test('has a lockfile that names what the packages of this repository need', () => {
    const own = { colocate: 'package.json', '@colocate/client': 'web/client/package.json' }
    for (const [dependency, file] of Object.entries(own)) {
      const locked = lock.packages[`node_modules/${dependency}`]
      if (!locked) continue
      const { version, dependencies, peerDependencies } = JSON.parse(read(file)) as Package
      expect(locked).toMatchObject({ version, resolved: expect.stringMatching(/^file:\.\.\/\.\./) })
      expect(locked.dependencies).toEqual(dependencies)
      expect(locked.peerDependencies).toEqual(peerDependencies)
    }
  })

  test('has a lockfile for every platform, and from no other registry', () => {
    for (const [path, { resolved = '', optionalDependencies = {} }] of Object.entries(lock.packages)) {
      const missing = Object.keys(optionalDependencies).filter(
        each => !lock.packages[`node_modules/${each}`] && !lock.packages[`${path}/node_modules/${each}`],
      )
      expect({ path, missing }).toEqual({ path, missing: [] })
      expect(resolved).toMatch(/^$|^file:\.\.\/\.\.|^https:\/\/registry\.npmjs\.org\//)
    }
  })
})
