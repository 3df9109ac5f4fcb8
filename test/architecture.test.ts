/** Checks the files and functions that docs/architecture.md lists for a POST and for an event, and the length of all files. */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'

const root = new URL('../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, root), 'utf8')
const page = read('docs/architecture.md')

interface Station {
  file: string
  functions: string[]
}

/** Parses the numbered list under a heading. */
function stations(heading: string): Station[] {
  const [, section = ''] = page.split(`## ${heading}\n`)
  const [text = ''] = section.split('\n## ')
  return [...text.matchAll(/^\d+\. `([^`]+)` (.*?):/gm)].map(([, file = '', functions = '']) => ({
    file,
    functions: [...functions.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
  }))
}

describe.each([
  ['The way of a POST', 24],
  ['The way of an event', 8],
])('%s', (heading, most) => {
  const way = stations(heading)

  test(`lists at most ${most} files, each of them once`, () => {
    expect(way.length).toBeGreaterThan(most / 2)
    expect(way.length).toBeLessThanOrEqual(most)
    expect(new Set(way.map(({ file }) => file)).size).toBe(way.length)
  })

  test.each(way)('lists $file, which contains $functions', ({ file, functions }) => {
    expect(functions).not.toEqual([])
    for (const name of functions) expect(read(file)).toMatch(new RegExp(`\\b${name}\\b`))
  })
})

test('no source file is longer than 250 lines, and half of them have at most 70', () => {
  const files = ['server', 'web'].flatMap(folder =>
    readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' })
      .filter(path => /\.(ts|lua|css|html)$/.test(path) && !/(^|\/)(dist|node_modules)\//.test(path))
      .map(path => ({ path: `${folder}/${path}`, lines: read(`${folder}/${path}`).split('\n').length - 1 })),
  )
  expect(files.filter(({ lines }) => lines > 250)).toEqual([])
  const lengths = files.map(({ lines }) => lines).sort((a, b) => a - b)
  expect(lengths[(lengths.length - 1) >> 1]).toBeLessThanOrEqual(70)
})
