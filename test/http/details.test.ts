/**
 * Every sentence that a client can receive as the `detail` of a problem. Add each new sentence to this list, and check
 * that a reader who does not know the project learns from it what to change.
 */
import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'
import { sentencesIn } from '../support/sentences.ts'

/** `…` stands for an expression of a template. */
const details = [
  'Check the targetUrl, and whether the upstream runs.',
  'In open mode the server answers only to localhost, not to "…". Set AUTH_SECRET, AUTH_JWKS_URL or AUTH=off to use another host name.',
  'In open mode the server answers only to requests from its own machine. Configure tokens, "authorize", or AUTH=off.',
  'It closed the connection without an answer. Check whether the targetUrl needs https instead of http.',
  'Its port accepts no connection. Check the port in the targetUrl, and whether the upstream runs.',
  'Name the collaborator: send "user", or the cookie "colocate_user".',
  'No answer within … s (RELAY_IDLE_MS).',
  'No connection within … s.',
  'No prefix of RELAY_UPSTREAMS allows this targetUrl. Add a prefix for … that its path begins with, or change the targetUrl.',
  'Only the demonstration is relayed here. Set RELAY_UPSTREAMS to allow other URLs.',
  'Presence for shared sheets and documents.',
  'The URL of the keys answered ….',
  'The body for the upstream is too long: at most … bytes are allowed.',
  'The body is empty. It must be JSON.',
  'The body is not valid JSON. It must be one JSON value.',
  'The body is not valid UTF-8. It must be JSON in UTF-8.',
  'The body is not valid. See "errors".',
  'The body is too long: at most … bytes are allowed here.',
  'The body must be JSON in UTF-8. Set "Content-Type: application/json".',
  'The body must not be compressed. Leave out "Content-Encoding".',
  'The chunk extensions are too long. Leave them out.',
  'The connection closed before the body was complete. Send the request again.',
  'The connection to the upstream broke.',
  'The file is no longer in the folder of the page.',
  'The header Idempotency-Key must be 1 to 128 visible ASCII characters.',
  "The keys that verify tokens can't be fetched now. Send the request again.",
  'The keys were requested a moment ago.',
  'The log can\'t be read or written now. Send the request again; with "seq" a location is never published twice.',
  "The log can't be written now. The upstream was not called; send the request again.",
  'The name … could not be resolved. Check the name server of the machine that runs the relay.',
  'The name … has no address. Check the name in the targetUrl.',
  'The name … stands for a private address, and the relay connects only to public addresses. To allow it, set "allowPrivate": true for its prefix in RELAY_UPSTREAMS.',
  'The origin "…" may not change anything: its host is not the request\'s host "…", and it is not in CORS_ORIGINS. Add it there, or make the proxy pass the browser\'s Host header on.',
  'The path segment "…" is not valid percent-encoding. Write % as %25.',
  'The query is not valid. See "errors".',
  'The relay is off. Set RELAY_UPSTREAMS to turn it on.',
  'The request was not complete in time. Send it again.',
  "The request's URL and headers together must be at most 16 KiB.",
  'The response is longer than the limit for a run.',
  'The response took longer than the limit for a run.',
  'The rest of the run is lost.',
  'The room is full: it holds at most … collaborators.',
  'The run was stopped because it had no readers.',
  'The server failed to process the request. Its log has the error.',
  'The server has shut down.',
  'The server is shutting down. Open the stream again.',
  'The server is shutting down. Send the request again.',
  'The server that relayed the run is gone.',
  'The server that relayed the run was stopped.',
  'The targetUrl must be an absolute URL without credentials, white space, backslashes, dot segments, encoded slashes, encoded backslashes and encoded dots.',
  'The token has expired. Send a new one.',
  'The token is not a valid JWT, or is signed with another key or algorithm.',
  'The token names no collaborator: it needs a "sub" claim, or the scope "location:write-any".',
  'The token\'s "rooms" claim does not include the room "…".',
  'The token\'s "scope" claim lacks "…".',
  'The token\'s "sub" claim is not the user "…". To act for other users, it needs the scope "location:write-any".',
  'The token\'s "…" claim ….',
  'The upstream answered with … instead of text/event-stream. Ask it for an event stream, for example with "stream": true in "body".',
  'The upstream answered … without content. Ask it for an event stream, for example with "stream": true in "body".',
  'The upstream answered …, and the relay follows no redirect. Set the targetUrl to the address that the redirect names.',
  'The upstream answered …. Check "targetUrl" and "method" in the request.',
  'The upstream answered …. Check the "headers" of its prefix in RELAY_UPSTREAMS, and "header" in the request.',
  'The upstream answered …. Its reason is in "upstream.body".',
  'The upstream compressed its event stream with …. Turn off compression at the upstream.',
  'The upstream sent nothing for too long.',
  'The … in the path is not valid. See "errors".',
  'There is no such run, it is no longer kept, or it belongs to another caller.',
  'There is nothing at this path. /openapi.json lists the paths.',
  'This Idempotency-Key was used with another request. Send a new key, or the same targetUrl, method, header and body.',
  'This client has reached its limit of streams. Close some of them.',
  'This is not a valid HTTP/1.1 request. Check the client or the proxy that sent it.',
  'This path allows only ….',
  'This request needs authentication, such as a token. Send it as "Authorization: Bearer", as a cookie or, for GET, in the query.',
  'The server has reached its limit of streams. Try again later, or raise MAX_STREAMS.',
  'Too many locations: at most … per second for each collaborator.',
  'Too many rooms: at most … per minute for each collaborator.',
  'Too many runs: at most … per minute for each caller.',
  'With the token in a cookie, this request needs an "Origin" header, as browsers send it.',
]

const folders = ['http', 'location', 'relay', 'ticks'].map(name =>
  fileURLToPath(new URL(`../../server/${name}`, import.meta.url)),
)

test('the details in the source are exactly the listed ones', () => {
  const sentences = [...new Set(folders.flatMap(sentencesIn))].sort()
  expect(sentences).toEqual([...details].sort())
})

test.each(details)('"%s" contains no word that plain English avoids', detail => {
  expect(detail).not.toMatch(/\b(whoever|somebody|nobody|anybody|at present|as it must be)\b/i)
})
