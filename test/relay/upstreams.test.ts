/** The operator's list of upstreams: which URLs it allows, and which lists are invalid. */
import { expect, test } from '@jest/globals'
import { findUpstream, readUpstreams } from '../../server/relay/upstreams.ts'

const list = readUpstreams(
  JSON.stringify([
    {
      prefix: 'https://api.example.org/v1/',
      headers: { Authorization: `Bearer \${KEY}`, 'x-two': `\${KEY}\${OTHER}` },
    },
    { prefix: 'https://api.example.org/v1/admin', headers: { 'x-admin': 'yes' } },
    { prefix: 'http://127.0.0.1:8080' },
  ]),
  { KEY: 'k1', OTHER: 'k2' },
)

test.each([
  'https://api.example.org/v1/chat/completions',
  'https://api.example.org/v1/chat?model=a%2Fb&next=../x',
  'https://api.example.org/v1',
  'https://api.example.org/v1/',
  'https://API.example.org:443/v1/chat',
  'https://api.example.org/v1/file.json',
  'http://127.0.0.1:8080/',
  'http://127.0.0.1:8080/any/thing',
])('the list allows %s', target => {
  expect(findUpstream(list, target)).not.toBeNull()
})

test.each([
  'https://api.example.org/',
  'https://api.example.org/v10/chat',
  'https://api.example.org/v1x',
  'https://api.example.org/V1/chat',
  'https://api.example.org//v1/chat',
  'http://api.example.org/v1/chat',
  'https://api.example.org:8443/v1/chat',
  'https://api.example.org./v1/chat',
  'https://api.example.org.evil.org/v1/chat',
  'https://evil.org/https://api.example.org/v1/',
  'https://user@api.example.org/v1/chat',
  'https://user:pass@api.example.org/v1/chat',
  'https://@api.example.org/v1/chat',
  'https://api.example.org@evil.org/v1/chat',
  'https://evil.org\\@api.example.org/v1/chat',
  'https://evil.org#@api.example.org/v1/chat',
  'https://api.example.org/v1/../admin',
  'https://api.example.org/v1/x/../chat',
  'https://api.example.org/v1/./chat',
  'https://api.example.org/v1/..',
  'https://api.example.org/v1/..;/admin',
  'https://api.example.org/v1/%2e%2e/admin',
  'https://api.example.org/v1/.%2E/admin',
  'https://api.example.org/v1/%252e%252e/admin',
  'https://api.example.org/v1%2fchat',
  'https://api.example.org/v1/a%2Fb',
  'https://api.example.org/v1/a%5cb',
  'https://api.example.org/v1/a%252Fb',
  'https://api.example.org/v1\\chat',
  'https://api.example.org/v1/a\\..\\b',
  'https:\\\\api.example.org\\v1\\chat',
  'https:/api.example.org/v1/chat',
  'https:api.example.org/v1/chat',
  '//api.example.org/v1/chat',
  '/v1/chat',
  ' https://api.example.org/v1/chat',
  'https://api.exam\tple.org/v1/chat',
  'https://api.example.org/v1/chat\n',
  'ftp://api.example.org/v1/chat',
  'file:///v1/chat',
  'javascript:https://api.example.org/v1/',
  'http://127.0.0.1:8081/',
  'http://127.0.0.1/',
  'http://localhost:8080/',
  'http://[::1]:8080/',
  'https://',
  '',
])('the list does not allow %j', target => {
  expect(findUpstream(list, target)).toBeNull()
})

test('a prefix with an IP address matches every spelling of that address, as in browsers', () => {
  expect(findUpstream(list, 'http://2130706433:8080/')?.upstream.origin).toBe('http://127.0.0.1:8080')
})

test('the longest matching prefix applies, with its headers filled from the environment', () => {
  const found = findUpstream(list, 'https://api.example.org/v1/admin/users')
  expect(found?.upstream.headers).toEqual({ 'x-admin': 'yes' })
  expect(findUpstream(list, 'https://api.example.org/v1/administrator')?.upstream.headers).toEqual({
    authorization: 'Bearer k1',
    'x-two': 'k1k2',
  })
})

test.each([
  ['not JSON', '[', 'is not valid JSON'],
  ['no list', '{}', 'must be a JSON array'],
  ['an empty list', '[]', 'at least one upstream'],
  ['an unknown field', '[{"prefix":"https://a.org/","header":{}}]', 'header'],
  ['a prefix that is not a URL', '[{"prefix":"a.org"}]', 'a.org'],
  ['a prefix of another scheme', '[{"prefix":"ftp://a.org/"}]', 'ftp://a.org/'],
  ['credentials in a prefix', '[{"prefix":"https://u:p@a.org/"}]', 'credentials'],
  ['a query in a prefix', '[{"prefix":"https://a.org/?x=1"}]', 'query'],
  ['a variable that is not set', `[{"prefix":"https://a.org/","headers":{"x":"\${NOPE}"}}]`, `\${NOPE}`],
  ['an invalid header name', '[{"prefix":"https://a.org/","headers":{"x y":"1"}}]', 'x y'],
  ['a header value with a line feed', `[{"prefix":"https://a.org/","headers":{"x":"\${BROKEN}"}}]`, '"x"'],
])('readUpstreams rejects %s and names the cause', (_, json, part) => {
  const read = () => readUpstreams(json, { BROKEN: 'secret\nvalue' })
  expect(read).toThrow(part)
  expect(read).not.toThrow('secret')
})
