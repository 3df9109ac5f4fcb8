/**
 * Serves the files of the demonstration page, each as a route of its own, compressed.
 */
import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import compression from 'compression'
import express from 'express'
import { Problem } from './problem.ts'
import { setCommonHeaders, writeHead } from './response.ts'
import { type RequestContext, type Route, route } from './route.ts'

export interface PageOptions {
  folder: string
  /** How the server authenticates users. The page receives this, because it adds bots only in open mode. */
  auth: 'open' | 'off' | 'required'
}

/** One route for each file in `folder`, and `/` for its index.html. */
export function pageRoutes({ folder, auth }: PageOptions): Route[] {
  const compress = compression()
  const serve = express.static(folder)

  /** Resolves once the response that `send` begins has ended. */
  const compressed = ({ req, res }: RequestContext, send: (fail: (error?: unknown) => void) => void) =>
    new Promise<void>((resolve, reject) => {
      res.on('close', resolve)
      compress(req as express.Request, res as express.Response, () => send(reject))
    })
  const sendIndex = async (context: RequestContext) => {
    const html = await readFile(join(folder, 'index.html'), 'utf8')
    const told = html.replace('data-auth="required"', `data-auth="${auth}"`)
    // Not `no-store`: such a page can't enter the back/forward cache.
    const headers = {
      'Content-Type': 'text/html; charset=utf-8',
      'Cache-Control': 'no-cache',
      'Content-Length': Buffer.byteLength(told),
    }
    await compressed(context, () => writeHead(context.res, 200, headers).end(told))
  }
  const sendFile = (context: RequestContext) =>
    compressed(context, fail => {
      setCommonHeaders(context.res)
      serve(context.req as express.Request, context.res as express.Response, (error?: unknown) => {
        fail(error ?? new Problem(404, 'The file is no longer in the folder of the page.'))
      })
    })
  return ['', ...readdirSync(folder)].map(file => {
    const handler = file === '' || file === 'index.html' ? sendIndex : sendFile
    return route({ method: 'GET', path: `/${file}`, answer: 'text', handler })
  })
}
