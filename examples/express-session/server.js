/**
 * An application with sessions. Colocate is mounted in it, and its session says who a request comes from.
 */
import { fileURLToPath } from 'node:url'
import { createColocate } from 'colocate'
import express from 'express'
import session from 'express-session'

const { PORT = '8080', SESSION_SECRET = 'only for this example' } = process.env
const room = 'session'
const pathOf = file => fileURLToPath(new URL(file, import.meta.url))

const colocate = await createColocate({
  authorize({ session: { user } }) {
    return user ? { user, name: user, rooms: [room] } : null
  },
})

const app = express()
app.use(session({ secret: SESSION_SECRET, resave: false, saveUninitialized: false, cookie: { sameSite: 'lax' } }))
app.use('/presence', colocate.handler)
app.use('/client', express.static(fileURLToPath(new URL('.', import.meta.resolve('@colocate/client')))))
app.use(express.urlencoded())

app.get('/', (req, res) => res.sendFile(pathOf(req.session.user ? 'pages/sheet.html' : 'pages/login.html')))

app.post('/login', (req, res, next) => {
  // Creates a new session id at the login, against session fixation.
  req.session.regenerate(error => {
    if (error) return next(error)
    // A real application verifies a password here.
    req.session.user = String(req.body.user).slice(0, 64)
    res.redirect('/')
  })
})

app.post('/logout', async (req, res) => {
  if (req.session.user) await colocate.remove(room, req.session.user)
  req.session.destroy(() => res.redirect('/'))
})

const server = app.listen(Number(PORT), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`)
})

process.once('SIGTERM', async () => {
  await colocate.close()
  server.close()
})
