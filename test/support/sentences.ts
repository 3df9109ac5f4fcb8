/**
 * The sentences in the source: string literals that start with a capital letter and end with a full stop. By the project's
 * convention these are what clients read; log messages and rules such as "must be a number" are not sentences.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseSync } from '@swc/core'

interface Node {
  type?: string
  value?: unknown
  quasis?: { cooked?: string }[]
}

/** Returns the sentences, with `…` in place of each expression in a template. */
export function sentencesIn(folder: string): string[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(path => path.endsWith('.ts'))
  const sentences = files.flatMap(file => {
    const tree = parseSync(readFileSync(join(folder, file), 'utf8'), { syntax: 'typescript', target: 'es2022' })
    return textsIn(tree).filter(text => /^[A-Z].* .*\.$/.test(text))
  })
  return [...new Set(sentences)].sort()
}

function textsIn(tree: unknown): string[] {
  if (typeof tree !== 'object' || tree === null) return []
  const node = tree as Node
  const inside = Object.values(tree).flatMap(textsIn)
  if (node.type === 'StringLiteral') return [String(node.value), ...inside]
  if (node.type === 'TemplateLiteral')
    return [(node.quasis ?? []).map(({ cooked }) => cooked ?? '').join('…'), ...inside]
  return inside
}
