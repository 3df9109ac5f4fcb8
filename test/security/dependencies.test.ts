/** The server's dependencies: pinned by hash, and without install scripts. */
import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'

interface Package {
  dev?: boolean
  devOptional?: boolean
  hasInstallScript?: boolean
  integrity?: string
  resolved?: string
}

const lock = JSON.parse(readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8'))
const packages = Object.entries<Package>(lock.packages).filter(([path]) => path !== '')
const serverPackages = packages.filter(([, { dev, devOptional }]) => !dev && !devOptional)

test('no package of the server has an install script, and each is pinned by its hash', () => {
  process.stdout.write(`dependencies: server=${serverPackages.length} with development=${packages.length}\n`)
  expect(serverPackages.filter(([, { hasInstallScript }]) => hasInstallScript)).toEqual([])
  expect(serverPackages.filter(([, { integrity }]) => !integrity)).toEqual([])
})
