/**
 * Serves the files of the demonstration page, each as a route of its own.
 */
import { readdirSync } from 'node:fs'
import { extname, join } from 'node:path'
import { PageFile } from './page-file.ts'
import { type RequestContext, type Route, route } from './route.ts'

export interface PageOptions {
  folder: string
  /** How the server authenticates users. The page receives this, because it adds bots only in open mode. */
  auth: 'open' | 'off' | 'required'
}

/** One route for each file in `folder`, and `/` for its index.html. */
export function pageRoutes({ folder, auth }: PageOptions): Route[] {
  const tellAuth = (html: string) => html.replace('data-auth="required"', `data-auth="${auth}"`)
  return readdirSync(folder).flatMap(name => {
    const file = new PageFile(join(folder, name), extname(name) === '.html' ? tellAuth : undefined)
    const sendFile = ({ req, res }: RequestContext) => file.send(req, res)
    const paths = name === 'index.html' ? ['/', '/index.html'] : [`/${name}`]
    return paths.map(path => route({ method: 'GET', path, answer: 'text', handler: sendFile }))
  })
}
