/**
 * One file of the page: read and compressed once, until the file changes.
 */
import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { extname } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, gzip } from 'node:zlib'
import { writeHead } from './response.ts'

const contentTypes: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.map': 'application/json',
}

/** In the order of preference: brotli's output is about a tenth smaller. */
const encoders = { br: promisify(brotliCompress), gzip: promisify(gzip) }
type Encoding = keyof typeof encoders

interface Version {
  modifiedAt: number
  /** Weak (RFC 9110, section 8.8.1): the same for every encoding. */
  etag: string
  plain: Buffer
  encoded: Map<Encoding, Promise<Buffer>>
}

export class PageFile {
  readonly #path: string
  readonly #transform: ((text: string) => string) | undefined
  #version: Version | undefined

  /** `transform` changes the text before it is sent. */
  constructor(path: string, transform?: (text: string) => string) {
    this.#path = path
    this.#transform = transform
  }

  async send(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const version = await this.#read()
    const { etag } = version
    res.setHeader('Vary', 'Origin, Accept-Encoding')
    if (req.headers['if-none-match']?.includes(etag)) return void writeHead(res, 304, { ETag: etag }).end()
    const encoding = encodingOf(req.headers['accept-encoding'])
    const body = encoding ? await encode(version, encoding) : version.plain
    writeHead(res, 200, {
      'Content-Type': contentTypes[extname(this.#path)] ?? 'application/octet-stream',
      'Cache-Control': 'no-cache',
      'Content-Length': body.length,
      ETag: etag,
      ...(encoding && { 'Content-Encoding': encoding }),
    }).end(body)
  }

  async #read(): Promise<Version> {
    const { mtimeMs } = await stat(this.#path)
    if (this.#version?.modifiedAt === mtimeMs) return this.#version
    const read = await readFile(this.#path)
    const plain = this.#transform ? Buffer.from(this.#transform(read.toString())) : read
    const etag = `W/"${createHash('sha256').update(plain).digest('base64url')}"`
    this.#version = { modifiedAt: mtimeMs, etag, plain, encoded: new Map() }
    return this.#version
  }
}

function encode({ encoded, plain }: Version, encoding: Encoding): Promise<Buffer> {
  const known = encoded.get(encoding) ?? encoders[encoding](plain)
  encoded.set(encoding, known)
  return known
}

/** The first encoding that the client accepts: names it without a weight of zero (RFC 9110, section 12.5.3). */
function encodingOf(accepted = ''): Encoding | undefined {
  const names = accepted.split(',').flatMap(each => {
    const [name = '', weight = ''] = each.split(';').map(part => part.trim())
    return /^q=0(\.0*)?$/.test(weight) ? [] : [name]
  })
  return (Object.keys(encoders) as Encoding[]).find(encoding => names.includes(encoding))
}
