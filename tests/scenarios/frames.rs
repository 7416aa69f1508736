//! `frames SOCKET`: says lines of JSON to the daemon as frames, as a program of one's own would, and prints what comes
//! back, a line each. It ends when it has said all, or when the daemon hangs up.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

fn main() -> io::Result<()> {
    let socket = std::env::args().nth(1).unwrap_or_default();
    let mut daemon = BufReader::new(UnixStream::connect(socket)?);
    for line in io::stdin().lines() {
        let mut frame = line?.into_bytes();
        frame.push(0);
        daemon.get_mut().write_all(&frame)?;
        let mut reply = Vec::new();
        if daemon.read_until(0, &mut reply)? == 0 {
            println!("hung up");
            break;
        }
        reply.pop();
        println!("{}", String::from_utf8_lossy(&reply));
    }
    Ok(())
}
