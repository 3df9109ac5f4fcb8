/** examples/llm-chat: a chat over the relay, with the example's own model. */
import { expect, test } from '@jest/globals'
import type { Page } from 'playwright-core'
import { waitFor } from '../support/wait-for.ts'
import { usePages } from './browser.ts'
import { useExample } from './example.ts'

const example = useExample('llm-chat')
const pages = usePages()

async function ask(url: string, question: string): Promise<Page> {
  const page = await pages.open(url)
  await page.getByLabel('Question').fill(question)
  await page.getByRole('button', { name: 'Ask' }).click()
  await page.locator('#answer', { hasText: 'You can reload' }).waitFor()
  return page
}

const answerIn = (page: Page) => page.locator('#answer').textContent()

test('an answer is complete when the page is reloaded while it comes, and the model is called once', async () => {
  const { url, output } = await example.start('start', { PORT: '0' })
  const page = await ask(url, 'Why?')
  expect(await answerIn(page)).not.toContain('This is the end.')
  await page.reload()
  await page.locator('#status', { hasText: 'done' }).waitFor()
  expect(await answerIn(page)).toMatch(/^You asked: “Why\?” No language model .* This is the end\.$/)
  expect(output().match(/a call begins/g)).toHaveLength(1)
  expect(output()).toContain('the call ends')
})

test('the Stop button ends the call of the model and keeps what has come', async () => {
  const { url, output } = await example.start('start', { PORT: '0' })
  const page = await ask(url, 'Why?')
  await page.getByRole('button', { name: 'Stop' }).click()
  await page.locator('#status', { hasText: 'stopped' }).waitFor()
  await waitFor('the relay aborts the call', () => output().includes('the call was aborted'))
  expect(await answerIn(page)).toMatch(/^You asked: “Why\?” No language model .* You can reload/)
  await page.reload()
  await page.locator('#status', { hasText: 'stopped' }).waitFor()
  expect(await answerIn(page)).toMatch(/^You asked: “Why\?” No language model .* You can reload/)
  expect(await answerIn(page)).not.toContain('This is the end.')
})
