/** What the server stands on: few packages, pinned, none of which runs anything when it is installed. */
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
const ours = packages.filter(([, { dev, devOptional }]) => !dev && !devOptional)

test('no package of the server has an install script, and each is pinned by its hash', () => {
  process.stdout.write(`dependencies: of the server=${ours.length} of its tests too=${packages.length}\n`)
  expect(ours.filter(([, { hasInstallScript }]) => hasInstallScript)).toEqual([])
  expect(ours.filter(([, { integrity }]) => !integrity)).toEqual([])
})
