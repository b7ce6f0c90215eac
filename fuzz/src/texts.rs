//! Names and other short texts.

use tuffet::model::distribution::version_text;
use tuffet::model::metadata::{parse_file_name, versioned};
use tuffet::model::moment::{parse_duration, show_duration};
use tuffet::model::page::{is_time, one_line, percent_decoded, percent_encoded};
use tuffet::model::target_path::{self, is_plain, looks_hashed};
use tuffet::model::{
    Compression, Distribution, KeyId, MemberName, Moment, PathPattern, ProjectName, ProjectRole, RoleName,
    Sha256, TargetPath,
};

/// Names of files, of targets and of roles.
pub(crate) fn names(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let projects = match Distribution::from_file_name(text) {
        Distribution::Settled(project) => vec![project],
        Distribution::Unsettled(projects) => projects,
        Distribution::Other => Vec::new(),
    };
    for project in projects {
        assert_eq!(ProjectName::normalise(project.as_str()).ok().as_ref(), Some(&project));
        let _ = version_text(text, &project);
    }
    if let Ok(path) = text.parse::<TargetPath>() {
        assert_eq!(path.as_str(), text);
        assert!(path.segments().all(|segment| !matches!(segment, "" | "." | "..")));
        assert!(!text.starts_with('/') && !text.contains(['\\', '\0', '\n']));
        let (_, name) = path.split();
        assert!(name.len() <= 255 && !path.rivals().any(|rival| rival == text));
        assert!(looks_hashed(&format!("{}.{name}", path.digest())));
        assert_eq!(target_path::of_file(text).is_ok(), target_path::check_file(text).is_ok());
    } else {
        assert!(!is_plain(text) && target_path::of_file(text).is_err());
    }
    if let Ok(role) = text.parse::<RoleName>() {
        assert_eq!(role.as_str(), text);
        assert!(!text.contains(['/', '\\', '\0']) && text != "." && text != "..");
        if let Some((project, part)) = ProjectRole::parse(&role) {
            assert_eq!(part.of(&project).as_ref(), Some(&role));
        }
    }
    if let Some((version, role)) = parse_file_name(text) {
        assert_eq!(versioned(&role, version), text, "one name for one version");
    }
    let _ = Compression::original_of(text);
}

/// Moments, lengths of time, digests, patterns, parts of URLs.
pub(crate) fn texts(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(moment) = text.parse::<Moment>() {
        assert_eq!(moment.to_string().parse::<Moment>().ok(), Some(moment));
    }
    let _ = is_time(text);
    if let Ok(duration) = parse_duration(text) {
        assert_eq!(parse_duration(&show_duration(duration)).ok(), Some(duration));
    }
    if let Ok(digest) = text.parse::<Sha256>() {
        assert_eq!(digest.to_string(), text);
    }
    if let Some(id) = KeyId::given(text) {
        assert_eq!((id.as_str(), id.short().len()), (text, 8));
    }
    let _ = KeyId::new(text).short();
    if let Ok(project) = ProjectName::normalise(text) {
        assert_eq!(ProjectName::normalise(project.as_str()).ok(), Some(project));
    }
    let _ = text.parse::<MemberName>();
    assert_eq!(percent_decoded(&percent_encoded(text)).as_deref(), Some(text));
    let _ = percent_decoded(text);
    let line = one_line(text);
    assert!(!line.contains(char::is_control) && one_line(&line) == line);
    let (pattern, path) = text.split_once('\n').unwrap_or((text, text));
    let pattern = PathPattern::new(pattern);
    assert!(pattern.as_str().starts_with(pattern.literal_folder()));
    if let Ok(path) = path.parse::<TargetPath>() {
        let covers = pattern.covers(&path);
        assert!(!covers || path.as_str().starts_with(pattern.literal_folder()));
    }
}
