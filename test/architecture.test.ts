/** The ways of a POST and of an event in docs/architecture.md, compared with the code. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'

const root = new URL('../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, root), 'utf8')
const page = read('docs/architecture.md')

interface Station {
  file: string
  functions: string[]
}

/** The numbered list below a heading. */
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

  test(`is at most ${most} files, none of them twice`, () => {
    expect(way.length).toBeGreaterThan(most / 2)
    expect(way.length).toBeLessThanOrEqual(most)
    expect(new Set(way.map(({ file }) => file)).size).toBe(way.length)
  })

  test.each(way)('passes $file, which has $functions', ({ file, functions }) => {
    expect(functions).not.toEqual([])
    for (const name of functions) expect(read(file)).toMatch(new RegExp(`\\b${name}\\b`))
  })
})
