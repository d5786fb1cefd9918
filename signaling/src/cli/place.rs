//! Where in a TOML file something stands that is wrong: what its reader says, and where that says
//! no more than the table, by the names in the message.

use std::ops::Range;

/// The place of an error: of one in `[meeting]` by the path that its message begins with; else what
/// the reader says, unless that is a whole table and the key is known.
pub fn place(text: &str, span: Option<Range<usize>>, message: &str) -> Option<Range<usize>> {
    let is_one_line = |span: &Range<usize>| {
        text.get(span.clone()).is_some_and(|it| !it.contains('\n') && !it.starts_with('['))
    };
    let of_meeting = || {
        let (path, message) = message.strip_prefix("in `")?.split_once("`: ")?;
        of_meeting(text, path, message)
    };
    let by_name = || quoted(message).next().and_then(|name| key_in(text, name));
    let told = || span.clone().filter(is_one_line);
    of_meeting().or_else(told).or_else(by_name).or_else(|| span.clone())
}

/// Words in backticks.
pub fn quoted(message: &str) -> impl Iterator<Item = &str> {
    message.split('`').skip(1).step_by(2)
}

/// Where a key stands at the beginning of a line.
pub fn key_in(text: &str, key: &str) -> Option<Range<usize>> {
    keys_in(text).find(|place| text.get(place.clone()) == Some(key))
}

/// All keys that stand at the beginning of a line.
fn keys_in(text: &str) -> impl Iterator<Item = Range<usize>> {
    lines(text).filter_map(|(start, line)| {
        let written = line.trim_start();
        let indent = line.len() - written.len();
        let quote = usize::from(written.starts_with('"'));
        let key = written.get(quote..)?;
        let length =
            key.find(|letter: char| !letter.is_alphanumeric() && !"_-".contains(letter))?;
        let rest = key.get(length..)?;
        let rest = if quote == 1 { rest.strip_prefix('"')? } else { rest };
        let begins = start + indent + quote;
        (length > 0 && rest.trim_start().starts_with('=')).then_some(begins..begins + length)
    })
}

/// Lines, with where they begin.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split_inclusive('\n').scan(0, |start, line| {
        let begins = *start;
        *start += line.len();
        Some((begins, line))
    })
}

/// Where the lines stand that begin a table of this name.
fn headers<'a>(text: &'a str, header: &'a str) -> impl Iterator<Item = Range<usize>> {
    let here = lines(text).filter(move |(_, line)| line.trim_start().starts_with(header));
    here.map(|(start, line)| start..start + line.trim_end().len())
}

/// A rule of `[meeting]`, or what is in a role: by the path there, or the name that is unknown.
fn of_meeting(text: &str, path: &str, message: &str) -> Option<Range<usize>> {
    let within = |part: Range<usize>, key: &str| {
        let found = key_in(text.get(part.clone())?, key)?;
        Some(part.start + found.start..part.start + found.end)
    };
    let Some((number, rest)) = path.strip_prefix("roles[").and_then(|path| path.split_once(']'))
    else {
        return within(headers(text, "[meeting]").next()?.start..text.len(), path);
    };
    let mut roles = headers(text, "[[meeting.roles]]").skip(number.parse().ok()?);
    let Some(header) = roles.next() else { return key_in(text, "roles") };
    let role = header.start..roles.next().map_or(text.len(), |next| next.start);
    let unknown = quoted(message).next().filter(|_| message.starts_with("unknown field"));
    let keys = rest.split(['.', '[']).rev().filter(|key| !key.is_empty());
    unknown.into_iter().chain(keys).find_map(|key| within(role.clone(), key)).or(Some(header))
}

/// What a refusal of a webhook is about, `webhook FIELD … "VALUE" …`: the value.
pub fn key_of_webhook(text: &str, message: &str) -> Option<Range<usize>> {
    let (field, rest) = message.strip_prefix("webhook ")?.split_once(' ')?;
    let value = rest.split('"').nth(1)?;
    let first = headers(text, "[[webhook]]").next()?.start;
    let keys: Vec<Range<usize>> = keys_in(text).filter(|key| key.start > first).collect();
    keys.iter().enumerate().find_map(|(at, key)| {
        let of_field = text.get(key.clone()) == Some(field);
        let end = keys.get(at + 1).map_or(text.len(), |next| next.start);
        let found = text.get(key.end..end).filter(|_| of_field)?.find(value)?;
        Some(key.end + found..key.end + found + value.len())
    })
}
