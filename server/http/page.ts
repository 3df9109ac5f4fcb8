/**
 * Serves the files of the demonstration page, each as a route of its own.
 */
import { readdirSync } from 'node:fs'
import express from 'express'
import { Problem } from './problem.ts'
import { setCommonHeaders } from './response.ts'
import { type RequestContext, type Route, route } from './route.ts'

/** One route for each file in `folder`, and `/` for its index.html. */
export function pageRoutes(folder: string): Route[] {
  const serve = express.static(folder)
  const sendFile = ({ req, res }: RequestContext) =>
    new Promise<void>((resolve, reject) => {
      setCommonHeaders(res)
      res.on('close', resolve)
      serve(req as express.Request, res as express.Response, (error?: unknown) => {
        reject(error ?? new Problem(404, 'The file is no longer in the folder of the page.'))
      })
    })
  return ['', ...readdirSync(folder)].map(file =>
    route({ method: 'GET', path: `/${file}`, answer: 'text', handler: sendFile }),
  )
}
